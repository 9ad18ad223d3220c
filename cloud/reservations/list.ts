import type { Db } from '../db/connect.ts';
import { settledBeforeMs } from '../db/settled.ts';
import type { Keyset } from '../http/cursor.ts';
import type { Caller } from '../partners/caller.ts';
import type { ReservationState } from './machine.ts';
import type { ReservationRow } from './tables.ts';

/** One page of a partner's reservations by change time, cut at what is settled, as the list of orders is. */
export async function listReservations(
  db: Db,
  caller: Caller,
  { after, limit, state }: { after: Keyset | null; limit: number; state: ReservationState | null },
  nowMs: number,
): Promise<{ rows: ReservationRow[]; next: Keyset | null; more: boolean }> {
  const settledMs = await settledBeforeMs(db, nowMs);
  const rows = await db
    .selectFrom('reservations')
    .selectAll()
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    .where('updated_at_ms', '<', settledMs)
    .$if(state !== null, (query) => query.where('state', '=', state ?? 'active'))
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('updated_at_ms', 'reservation_id'), '>', where.tuple(after?.atMs ?? 0, after?.id ?? '')),
      ),
    )
    .orderBy('updated_at_ms')
    .orderBy('reservation_id')
    .limit(limit + 1)
    .execute();
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    rows: page,
    next: last === undefined ? after : { atMs: last.updated_at_ms, id: last.reservation_id },
    more: rows.length > limit,
  };
}
