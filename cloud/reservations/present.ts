import { PilegateError } from '#shared/errors.ts';
import type { Trx } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';

/**
 * The reservation that a start presents; null when it presents none.
 *
 * @throws PilegateError `reservation.unknown`, `reservation.wrong_connector` or `reservation.not_active`
 */
export async function presentedReservation(
  trx: Trx,
  caller: Caller,
  start: { readonly connector_id: string; readonly reservation_id?: string | undefined },
  nowMs: number,
): Promise<string | null> {
  const { reservation_id: id, connector_id: connectorId } = start;
  if (id === undefined) return null;
  const row = await trx
    .selectFrom('reservations')
    .select(['reservation_id', 'state', 'connector_id', 'until_ms'])
    .where('reservation_id', '=', id)
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    // Its end waits for the start, and sees it; or the start sees the end.
    .forKeyShare()
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('reservation.unknown', `no reservation ${id}`);
  if (row.connector_id !== connectorId)
    throw new PilegateError('reservation.wrong_connector', `reservation ${id} is for ${row.connector_id}`);
  if (row.state !== 'active' || row.until_ms <= nowMs)
    throw new PilegateError(
      'reservation.not_active',
      `reservation ${id} is ${row.state === 'active' ? 'over' : row.state}`,
    );
  // As it is stored: an id may be written in either case.
  return row.reservation_id;
}
