import { sql, type Updateable } from 'kysely';
import type { Db } from '../db/connect.ts';
import type { Database } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import type { ReservationRow } from './tables.ts';

/** Locks a reservation for the rest of the transaction. Whoever changes one, or its operations, does this first. */
export const lockReservation = (trx: Trx, reservationId: string): Promise<ReservationRow | undefined> =>
  trx.selectFrom('reservations').selectAll().where('reservation_id', '=', reservationId).forUpdate().executeTakeFirst();

/** Changes a reservation and moves its change time forward, always: the list is read by change time. */
export function updateReservation(
  trx: Trx,
  reservationId: string,
  change: Updateable<Database['reservations']>,
  nowMs: number,
): Promise<ReservationRow> {
  return trx
    .updateTable('reservations')
    .set({ ...change, updated_at_ms: sql<number>`greatest(updated_at_ms + 1, ${nowMs}::bigint)` })
    .where('reservation_id', '=', reservationId)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** For how long connectors had been held for charges, of which `order_id` says the order. */
export const heldQuery = (db: Pick<Db | Trx, 'selectFrom'>) =>
  db.selectFrom('reservations').select('reservations.held_ms').where('reservations.state', '=', 'used');

/** For how long the connector had been held for the charge of an order; null: nobody had reserved it. */
export async function heldMsFor(db: Db | Trx, orderId: string): Promise<number | null> {
  const row = await heldQuery(db).where('order_id', '=', orderId).executeTakeFirst();
  return row?.held_ms ?? null;
}
