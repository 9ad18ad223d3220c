import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { givenUuidSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import { forceStop } from '../operations/force-stop.ts';
import type { StaffGate } from './gate.ts';
import { staffProblems, staffTags } from './routes.ts';
import { reasonedSchema } from './schemas.ts';

const stoppingSchema = z
  .object({
    order_id: uuidSchema,
    state: z
      .enum(['starting', 'charging'])
      .describe('as the order was found: a start is taken back, a charge is stopped'),
    requested_by: z.string(),
  })
  .meta({ id: 'ForcedStop' });

/** Staff stop a charge, a partner's or one that was begun on site. */
export function forceStopRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/staff/v1/orders/:order_id/stop', {
      ...staff.does('order.stop'),
      schema: {
        tags: staffTags,
        summary: 'Stop a charge, with the reason why it is not left to whoever has begun it',
        description: 'It waits for a site that is away. The order ends with the stop reason `staff`.',
        params: z.object({ order_id: givenUuidSchema }),
        body: reasonedSchema,
        response: { 202: stoppingSchema, ...problems(...staffProblems, 'order.unknown', 'order.not_running') },
      },
      handler: async (request, reply) => {
        const { order_id: id } = request.params;
        const { requested_by: given, reason } = request.body;
        const requestedBy = staff.personOf(request, given);
        const db = staff.recording(request, { kind: 'order', id }, { reason });
        const { state } = await forceStop({ ...context, db }, id);
        const found = state === 'starting' ? 'starting' : 'charging';
        return reply.status(202).send({ order_id: id, state: found, requested_by: requestedBy });
      },
    });
    done();
  };
}
