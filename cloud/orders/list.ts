import type { Db } from '../db/connect.ts';
import type { OrderRow } from '../db/schema.ts';
import { settledBeforeMs } from '../db/settled.ts';
import { type ChangeRange, type Page, pageOf } from '../http/cursor.ts';
import type { Caller } from '../partners/caller.ts';

/**
 * One page of a partner's orders by change time, oldest change first. The end of the range is cut at what is
 * settled, so that following the cursor misses nothing and repeats nothing while new orders arrive. An order
 * that changes again appears again, at its new change time.
 */
export async function listOrders(db: Db, caller: Caller, range: ChangeRange, nowMs: number): Promise<Page<OrderRow>> {
  const settledMs = await settledBeforeMs(db, nowMs);
  const rows = await db
    .selectFrom('orders')
    .selectAll()
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    .where('updated_at_ms', '>=', range.fromMs)
    .where('updated_at_ms', '<', Math.min(range.toMs, settledMs))
    .$if(range.after !== null, (query) =>
      query.where((where) =>
        where(
          where.refTuple('updated_at_ms', 'order_id'),
          '>',
          where.tuple(range.after?.atMs ?? 0, range.after?.id ?? ''),
        ),
      ),
    )
    .orderBy('updated_at_ms')
    .orderBy('order_id')
    .limit(range.limit + 1)
    .execute();
  return pageOf(rows, range, (row) => ({ atMs: row.updated_at_ms, id: row.order_id }));
}
