import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { connectorIdSchema, givenUuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { listQuerySchema, reasonedSchema } from '../staff/schemas.ts';
import { cancelByStaff } from './cancel.ts';
import { reservationStates } from './machine.ts';
import { reservationSchema } from './schemas.ts';
import type { ReservationRow } from './tables.ts';
import { reservationView } from './view.ts';

const seenSchema = reservationSchema
  .extend({
    partner_id: z.string(),
    cancelled_by: z.string().nullable().describe('who wanted it cancelled first, if anybody did'),
  })
  .meta({ id: 'StaffReservation' });

const viewOf = (row: ReservationRow): z.infer<typeof seenSchema> => ({
  ...reservationView(row),
  partner_id: row.partner_id,
  cancelled_by: row.cancelled_by,
});

/** Staff see what is reserved, and can end it. */
export function reservationStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/reservations', {
      ...staff.reads('orders.read'),
      schema: {
        tags: staffTags,
        summary: 'Reservations, the last change first',
        querystring: listQuerySchema.extend({
          state: z.enum(reservationStates).optional(),
          connector_id: connectorIdSchema.optional(),
        }),
        response: { 200: z.object({ reservations: z.array(seenSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { state, connector_id: connectorId, limit } = request.query;
        const rows = await context.db
          .selectFrom('reservations')
          .selectAll()
          .$if(state !== undefined, (query) => query.where('state', '=', state ?? 'active'))
          .$if(connectorId !== undefined, (query) => query.where('connector_id', '=', connectorId ?? ''))
          .orderBy('updated_at_ms', 'desc')
          .orderBy('reservation_id')
          .limit(limit)
          .execute();
        return { reservations: rows.map(viewOf) };
      },
    });

    app.post('/staff/v1/reservations/:reservation_id/cancel', {
      ...staff.does('reservation.cancel'),
      schema: {
        tags: staffTags,
        summary: 'End a reservation, with the reason why; its partner is told, and pays nothing for it',
        description: 'It waits for a site that is away; the reservation runs out there in any case.',
        params: z.object({ reservation_id: givenUuidSchema }),
        body: reasonedSchema,
        response: {
          202: seenSchema,
          ...problems(...staffProblems, 'reservation.unknown', 'reservation.not_active'),
        },
      },
      handler: async (request, reply) => {
        const { reservation_id: id } = request.params;
        const { requested_by: given, reason } = request.body;
        const by = staff.personOf(request, given);
        const db = staff.recording(request, { kind: 'reservation', id }, { reason });
        return reply.status(202).send(viewOf(await cancelByStaff({ ...context, db }, id, by)));
      },
    });
    done();
  };
}
