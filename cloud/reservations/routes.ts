import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { decodeCursor, encodeCursor, pageQuerySchema } from '../http/cursor.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { answer, connectorProblems, writeProblems } from '../operations/routes.ts';
import { acceptedSchema } from '../operations/schemas.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { cancelReservation } from './cancel.ts';
import { listReservations } from './list.ts';
import { reservationStates } from './machine.ts';
import { reserve } from './reserve.ts';
import { cancelReservationBodySchema, reservationSchema, reserveBodySchema } from './schemas.ts';
import { reservationView } from './view.ts';

const tags = ['reservations'];

/** Reserve, cancel, look up and list. */
export function reservationRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const control = { preValidation: [gate.requires('control'), parseJsonBody] };
  const look = { preValidation: [gate.requires('control', 'read'), parseJsonBody] };
  return (app, _options, done) => {
    app.post('/v1/operations/reserve', {
      ...control,
      schema: {
        tags,
        summary: 'Reserve a connector',
        description:
          'It holds when the operation succeeds, on site and also while the site is cut off. Until its end only a start that presents the `reservation_id` begins a charge there.',
        body: reserveBodySchema,
        response: {
          202: acceptedSchema,
          ...problems(...writeProblems, ...connectorProblems, 'reservation.too_long', 'reservation.too_many'),
        },
      },
      handler: async (request, reply) => {
        const caller = gate.callerOf(request);
        return answer(context, caller, reply, await reserve(context, caller, request.body));
      },
    });

    app.post('/v1/operations/cancel-reservation', {
      ...control,
      schema: {
        tags,
        summary: 'Give a reservation back',
        description:
          'Before `until`. It counts as given back when this is accepted, also at a site that is away. Succeeds when the connector is not held any more, or its time is over; fails only where a charge has used it. While the reserve is still open, it is taken back.',
        body: cancelReservationBodySchema,
        response: {
          202: acceptedSchema,
          ...problems(...writeProblems, 'reservation.unknown', 'reservation.not_active'),
        },
      },
      handler: async (request, reply) => {
        const caller = gate.callerOf(request);
        return answer(context, caller, reply, await cancelReservation(context, caller, request.body));
      },
    });

    app.get('/v1/reservations/:reservation_id', {
      ...look,
      schema: {
        tags,
        summary: 'One reservation',
        params: z.object({ reservation_id: givenUuidSchema }),
        response: { 200: reservationSchema, ...problems(...signedProblems, 'reservation.unknown') },
      },
      handler: async (request) => {
        const { reservation_id: id } = request.params;
        const caller = gate.callerOf(request);
        const row = await context.db
          .selectFrom('reservations')
          .selectAll()
          .where('reservation_id', '=', id)
          .where('partner_id', '=', caller.partnerId)
          .where('environment', '=', caller.environment)
          .executeTakeFirst();
        if (row === undefined) throw new PilegateError('reservation.unknown', `no reservation ${id}`);
        return reservationView(row);
      },
    });

    app.get('/v1/reservations', {
      ...look,
      schema: {
        tags,
        summary: 'Reservations by change time',
        description:
          'Oldest change first. Follow `next_cursor`: nothing is missed while others are made; one that changes again appears again.',
        querystring: pageQuerySchema.extend({ state: z.enum(reservationStates).optional() }),
        response: {
          200: z.object({
            reservations: z.array(reservationSchema),
            next_cursor: z.string().nullable(),
            has_more: z.boolean(),
          }),
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const { cursor, limit, state = null } = request.query;
        const after = cursor === undefined ? null : decodeCursor(cursor, uuidSchema);
        const range = { after, limit, state };
        const page = await listReservations(context.db, gate.callerOf(request), range, context.clock.wallMs());
        return {
          reservations: page.rows.map(reservationView),
          next_cursor: page.next === null ? null : encodeCursor(page.next),
          has_more: page.more,
        };
      },
    });
    done();
  };
}
