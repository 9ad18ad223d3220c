import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import { orderSchema } from '../orders/schemas.ts';
import { orderView } from '../orders/view.ts';
import type { StaffGate } from './gate.ts';
import { staffProblems, staffTags } from './routes.ts';
import { listQuerySchema } from './schemas.ts';

const localOrderSchema = z.object({
  order: orderSchema,
  started_by: z
    .object({ kind: z.enum(['card', 'technician']), reference: z.string() })
    .nullable()
    .describe('what the site calls the card or the technician; null from a site that does not tell'),
});

/** Charges that were begun on site: no partner sees them. */
export function localOrderRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/local-orders', {
      ...staff.reads('orders.read'),
      schema: {
        tags: staffTags,
        summary: 'Charges begun on site, running or over; the last change first',
        querystring: listQuerySchema,
        response: { 200: z.object({ local_orders: z.array(localOrderSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { db, clock } = context;
        const rows = await db
          .selectFrom('orders')
          .selectAll()
          .where('origin', '=', 'local')
          .orderBy('updated_at_ms', 'desc')
          .orderBy('order_id')
          .limit(request.query.limit)
          .execute();
        const nowMs = clock.wallMs();
        const orders = [];
        for (const row of rows) {
          const { started_by_kind: kind, started_by_reference: reference } = row;
          const startedBy = kind === null || reference === null ? null : { kind, reference };
          orders.push({ order: await orderView(db, row, nowMs), started_by: startedBy });
        }
        return { local_orders: orders };
      },
    });
    done();
  };
}
