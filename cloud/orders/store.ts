import { sql, type Updateable } from 'kysely';
import type { Database, OrderRow } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';

/** Locks an order for the rest of the transaction. Whoever changes an order or its operations does this first. */
export const lockOrder = (trx: Trx, orderId: string): Promise<OrderRow | undefined> =>
  trx.selectFrom('orders').selectAll().where('order_id', '=', orderId).forUpdate().executeTakeFirst();

/** Changes an order and moves its change time forward, always: the order list is read by change time. */
export function updateOrder(
  trx: Trx,
  orderId: string,
  change: Updateable<Database['orders']>,
  nowMs: number,
): Promise<OrderRow> {
  return trx
    .updateTable('orders')
    .set({ ...change, updated_at_ms: sql<number>`greatest(updated_at_ms + 1, ${nowMs}::bigint)` })
    .where('order_id', '=', orderId)
    .returningAll()
    .executeTakeFirstOrThrow();
}
