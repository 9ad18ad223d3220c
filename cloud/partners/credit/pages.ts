import type { Db } from '../../db/connect.ts';
import { encodeCursor, type Keyset } from '../../http/cursor.ts';
import { settledBeforeMs } from '../../orders/settled.ts';
import type { CreditTransferRow } from './tables.ts';

export interface TransferPage {
  readonly rows: CreditTransferRow[];
  readonly next_cursor: string | null;
  readonly has_more: boolean;
}

/**
 * One page of an account, oldest first. The end is cut at what is settled, so that following the cursor misses nothing.
 *
 * @param what `holds`: what is held now. `movements`: what was posted
 */
export async function listTransfers(
  db: Db,
  accountId: string,
  { what, after, limit }: { what: 'holds' | 'movements'; after: Keyset | null; limit: number },
  nowMs: number,
): Promise<TransferPage> {
  const settledMs = await settledBeforeMs(db, nowMs);
  const found = await db
    .selectFrom('credit_transfers')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('state', '=', what === 'holds' ? 'pending' : 'posted')
    .$if(what === 'movements', (query) => query.where('kind', '<>', 'hold'))
    .where('created_at_ms', '<', settledMs)
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('created_at_ms', 'transfer_id'), '>', where.tuple(after?.atMs ?? 0, after?.id ?? '')),
      ),
    )
    .orderBy('created_at_ms')
    .orderBy('transfer_id')
    .limit(limit + 1)
    .execute();
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  const next = last === undefined ? after : { atMs: last.created_at_ms, id: last.transfer_id };
  return { rows, next_cursor: next === null ? null : encodeCursor(next), has_more: found.length > limit };
}
