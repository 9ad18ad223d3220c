import type { Trx } from '../db/transaction.ts';
import { type Ending, failureOf } from './ending.ts';
import type { ReservationRow } from './tables.ts';

/**
 * How a reservation ends that somebody has given back before its end: given back, at the moment at which that was accepted, by the
 * platform's own clock. When the site hears of it is nobody's choice: neither the time until then nor its running out is the holder's.
 * What a charge has used, or the site has released, has ended so all the same.
 *
 * @param row locked in this transaction
 */
export async function asGivenBack(trx: Trx, row: ReservationRow, ending: Ending): Promise<Ending> {
  const { event } = ending;
  if (row.cancelled_by === null || event.kind !== 'ended') return ending;
  if (event.reason !== 'cancelled' && event.reason !== 'expired') return ending;
  if (row.state === 'requested') return withdrawn(ending);
  const acceptedAtMs = await acceptedMs(trx, row);
  if (acceptedAtMs === null) return ending;
  const endedAtMs = Math.min(acceptedAtMs, row.until_ms);
  return {
    ...ending,
    event: { kind: 'ended', reason: 'cancelled' },
    reason: 'cancelled',
    endedAtMs,
    heldMs: ending.heldMs === null ? null : Math.min(ending.heldMs, heldUntil(row, endedAtMs)),
  };
}

const withdrawn = (ending: Ending): Ending => ({
  ...ending,
  event: { kind: 'withdrawn' },
  reason: 'cancelled',
  failure: failureOf('command.cancelled'),
});

/** For how long it was held by then. */
export const heldUntil = ({ active_at_ms: activeAtMs }: ReservationRow, atMs: number): number =>
  Math.max(0, atMs - (activeAtMs ?? atMs));

/** Of what holds the command to end it is written when that is accepted; the first is what counts. */
async function acceptedMs(trx: Trx, { reservation_id: reservationId }: ReservationRow): Promise<number | null> {
  const { atMs } = await trx
    .selectFrom('commands')
    .select(({ fn }) => fn.min('created_at_ms').as('atMs'))
    .where('reservation_id', '=', reservationId)
    .where('kind', '=', 'cancel-reservation')
    .executeTakeFirstOrThrow();
  return atMs;
}
