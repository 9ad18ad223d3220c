import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { decodeCursor, encodeCursor, pageQuerySchema } from '../http/cursor.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { listOrders } from './list.ts';
import { orderSchema } from './schemas.ts';
import { orderView } from './view.ts';

const tags = ['orders'];

const listQuerySchema = pageQuerySchema.extend({
  updated_from: z.iso.datetime({ offset: true }).optional().describe('inclusive'),
  updated_to: z.iso.datetime({ offset: true }).optional().describe('exclusive'),
});

const pageSchema = z.object({
  orders: z.array(orderSchema),
  next_cursor: z.string().nullable().describe('pass it on, also later, to get what comes next'),
  has_more: z.boolean(),
});

/** Orders, one by one or by time range. */
export function orderRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/v1/orders/:order_id', {
      preValidation: [gate.requires('orders', 'control'), parseJsonBody],
      schema: {
        tags,
        summary: 'One order',
        params: z.object({ order_id: uuidSchema }),
        response: { 200: orderSchema, ...problems(...signedProblems, 'order.unknown') },
      },
      handler: async (request) => {
        const caller = gate.callerOf(request);
        const row = await context.db
          .selectFrom('orders')
          .selectAll()
          .where('order_id', '=', request.params.order_id)
          .where('partner_id', '=', caller.partnerId)
          .where('environment', '=', caller.environment)
          .executeTakeFirst();
        if (row === undefined) throw new PilegateError('order.unknown', `no order ${request.params.order_id}`);
        return orderView(context.db, row, context.clock.wallMs());
      },
    });

    app.get('/v1/orders', {
      preValidation: [gate.requires('orders'), parseJsonBody],
      schema: {
        tags,
        summary: 'Orders by change time',
        description:
          'Oldest change first. Follow `next_cursor`: nothing is missed and nothing repeated while new orders arrive; an order that changes again appears again. A change shows up here about a second after it happened, by its id at once.',
        querystring: listQuerySchema,
        response: { 200: pageSchema, ...problems(...signedProblems) },
      },
      handler: async (request) => {
        const { cursor, limit, updated_from: from, updated_to: to } = request.query;
        const range = {
          fromMs: from === undefined ? 0 : Date.parse(from),
          toMs: to === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(to),
          after: cursor === undefined ? null : decodeCursor(cursor, uuidSchema),
          limit,
        };
        const nowMs = context.clock.wallMs();
        const page = await listOrders(context.db, gate.callerOf(request), range, nowMs);
        const orders = [];
        for (const row of page.rows) orders.push(await orderView(context.db, row, nowMs));
        return { orders, next_cursor: page.next === null ? null : encodeCursor(page.next), has_more: page.more };
      },
    });
    done();
  };
}
