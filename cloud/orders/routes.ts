import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { changesQuerySchema, pageFields, placeOf, rangeOf } from '../http/cursor.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { orderScopes } from './charges-under-way.ts';
import { listOrders } from './list.ts';
import { orderSchema } from './schemas.ts';
import { orderView } from './view.ts';

const tags = ['orders'];

const pageSchema = z.object({ orders: z.array(orderSchema), ...pageFields });

/** Orders, one by one or by time range. */
export function orderRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/v1/orders/:order_id', {
      preValidation: [gate.requires(...orderScopes), parseJsonBody],
      schema: {
        tags,
        summary: 'One order',
        params: z.object({ order_id: givenUuidSchema }),
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
        querystring: changesQuerySchema,
        response: { 200: pageSchema, ...problems(...signedProblems) },
      },
      handler: async (request) => {
        const nowMs = context.clock.wallMs();
        const page = await listOrders(context.db, gate.callerOf(request), rangeOf(request.query, uuidSchema), nowMs);
        const orders = [];
        for (const row of page.rows) orders.push(await orderView(context.db, row, nowMs));
        return { orders, ...placeOf(page) };
      },
    });
    done();
  };
}
