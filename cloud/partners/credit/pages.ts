import type { z } from 'zod';
import { uuidSchema } from '#shared/ids.ts';
import type { Db } from '../../db/connect.ts';
import { settledBeforeMs } from '../../db/settled.ts';
import { type Page, pageOf, type pageQuerySchema, rangeOf } from '../../http/cursor.ts';
import type { CreditTransferRow } from './tables.ts';

/**
 * One page of an account, oldest first. The end is cut at what is settled, so that following the cursor misses nothing.
 *
 * @param what `holds`: what is held now. `movements`: what was posted
 * @throws PilegateError `request.invalid` when the cursor is not one of such a list
 */
export async function listTransfers(
  db: Db,
  accountId: string,
  what: 'holds' | 'movements',
  query: z.infer<typeof pageQuerySchema>,
  nowMs: number,
): Promise<Page<CreditTransferRow>> {
  const range = rangeOf(query, uuidSchema);
  const { after } = range;
  const found = await db
    .selectFrom('credit_transfers')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('state', '=', what === 'holds' ? 'pending' : 'posted')
    .$if(what === 'movements', (select) => select.where('kind', '<>', 'hold'))
    .where('created_at_ms', '<', await settledBeforeMs(db, nowMs))
    .$if(after !== null, (select) =>
      select.where((where) =>
        where(where.refTuple('created_at_ms', 'transfer_id'), '>', where.tuple(after?.atMs ?? 0, after?.id ?? '')),
      ),
    )
    .orderBy('created_at_ms')
    .orderBy('transfer_id')
    .limit(range.limit + 1)
    .execute();
  return pageOf(found, range, (row) => ({ atMs: row.created_at_ms, id: row.transfer_id }));
}
