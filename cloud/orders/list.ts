import type { Db } from '../db/connect.ts';
import type { OrderRow } from '../db/schema.ts';
import type { Keyset } from '../http/cursor.ts';
import type { Caller } from '../partners/caller.ts';
import { settledBeforeMs } from './settled.ts';

export interface OrderPage {
  readonly rows: OrderRow[];
  /** Where to go on; null when the page is empty and there is nowhere to go on from. */
  readonly next: Keyset | null;
  readonly more: boolean;
}

/**
 * One page of a partner's orders by change time, oldest change first. The end of the range is cut at what is
 * settled, so that following the cursor misses nothing and repeats nothing while new orders arrive. An order
 * that changes again appears again, at its new change time.
 */
export async function listOrders(
  db: Db,
  caller: Caller,
  range: { fromMs: number; toMs: number; after: Keyset | null; limit: number },
  nowMs: number,
): Promise<OrderPage> {
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
  const page = rows.slice(0, range.limit);
  const last = page.at(-1);
  return {
    rows: page,
    next: last === undefined ? range.after : { atMs: last.updated_at_ms, id: last.order_id },
    more: rows.length > range.limit,
  };
}
