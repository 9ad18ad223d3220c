import { PilegateError } from '#shared/errors.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { CommandRow } from '../db/schema.ts';
import type { RecordContext } from '../ingest/records.ts';
import type { Failure } from '../operations/finish.ts';
import { cancelReserve } from './commands.ts';
import { failureOf } from './ending.ts';
import { isEarly } from './holder-came.ts';
import { activate, end, finishOperationsOf } from './outcome.ts';
import { lockReservation } from './store.ts';
import type { ReservationRow } from './tables.ts';

/** When it was by the site's word, as far as its clock is to be believed. */
const toldMs = (at: Stamp, nowMs: number): number => (at.clock === 'trusted' ? Math.min(at.wallMs, nowMs) : nowMs);

const timedOut: Failure = {
  code: 'operation.timed_out',
  detail: 'the site did not confirm the reservation within its time',
};

/**
 * The site holds the connector. In time, this is the confirmation. After the deadline the site, which owns the same one, has let go or does
 * so on the cancel; the end of the hold, which follows, ends the reservation.
 */
export async function applyReservationActive(
  context: RecordContext,
  record: RecordOf<'reservation.active'>,
  at: Stamp,
): Promise<void> {
  const row = await ownReservation(context, record);
  if (row.state !== 'requested') return;
  const reserve = await context.trx
    .selectFrom('operations')
    .select('deadline_at_ms')
    .where('reservation_id', '=', row.reservation_id)
    .where('kind', '=', 'reserve')
    .executeTakeFirst();
  const isInTime = context.nowMs <= (reserve?.deadline_at_ms ?? 0);
  // One that was taken back meanwhile is ended by the cancel, and was never the partner's.
  if (isInTime && row.cancelled_by === null) await activate(context, row, toldMs(at, context.nowMs));
  else await cancelReserve(context.trx, row.reservation_id, context.nowMs);
}

/** The site holds it no longer. Told again, or of one that has ended here already, it changes nothing. */
export async function applyReservationEnded(
  context: RecordContext,
  record: RecordOf<'reservation.ended'>,
  at: Stamp,
): Promise<void> {
  const row = await ownReservation(context, record);
  const { reason, sessionId, detail } = record;
  // Held from before it was asked for, or beyond its end: the site has counted wrong.
  const heldMs = Math.min(record.heldMs, row.until_ms - row.created_at_ms);
  const endedAtMs = toldMs(at, context.nowMs);
  if (reason === 'expired' && isEarly(row, context.nowMs))
    context.logger.warn(
      { reservationId: row.reservation_id, endedAtMs, untilMs: row.until_ms, clock: at.clock },
      'the site has ended a reservation early: its clock was ahead',
    );
  await end(context, row, {
    event: { kind: 'ended', reason },
    reason,
    failure: whyEnded(row, reason, detail),
    heldMs,
    endedAtMs,
    orderId: sessionId === null ? null : await orderOf(context, sessionId),
  });
}

function whyEnded(
  row: ReservationRow,
  reason: RecordOf<'reservation.ended'>['reason'],
  detail: string | null,
): Failure | null {
  if (row.state === 'requested') return reason === 'used' ? null : timedOut;
  if (reason === 'technician') return failureOf('command.cancelled', detail ?? 'released on site');
  if (reason === 'out-of-service') return failureOf('connector.disabled');
  return reason === 'not-confirmed' ? timedOut : null;
}

async function orderOf({ trx, site }: RecordContext, sessionId: string): Promise<string | null> {
  const order = await trx
    .selectFrom('orders')
    .select('order_id')
    .where('session_id', '=', sessionId)
    .where('site_id', '=', site.siteId)
    .executeTakeFirst();
  return order?.order_id ?? null;
}

/**
 * The final word of a site on one of the commands of a reservation.
 *
 * @param row locked in this transaction
 * @param failure null: it is done
 */
export async function reservationReported(
  context: RecordContext,
  command: CommandRow,
  row: ReservationRow,
  failure: Failure | null,
): Promise<void> {
  if (command.kind === 'reserve') {
    if (failure !== null) await refused(context, command, row, failure);
    return;
  }
  // What the site cannot end ends by its time, and is given back all the same: whoever has asked for that hears it then.
  if (failure !== null) return;
  // It is held no longer, whatever became of it.
  await end(context, row, {
    event: { kind: 'ended', reason: 'cancelled' },
    reason: 'cancelled',
    failure: null,
    heldMs: null,
  });
  await finishOperationsOf(context, row.reservation_id, 'cancel-reservation', null);
}

async function refused(context: RecordContext, command: CommandRow, row: ReservationRow, failure: Failure) {
  const isTakenBack = command.cancelled_at_ms !== null && failure.code === 'command.cancelled';
  const isWithdrawn = isTakenBack && row.cancelled_by !== null;
  await end(context, row, {
    event: isWithdrawn ? { kind: 'withdrawn' } : { kind: 'refused' },
    reason: isWithdrawn ? 'cancelled' : 'rejected',
    failure: isTakenBack && !isWithdrawn ? timedOut : failure,
    heldMs: null,
  });
}

async function ownReservation(
  context: RecordContext,
  { reservationId, connectorId }: { reservationId: string; connectorId: string },
): Promise<ReservationRow> {
  const row = await lockReservation(context.trx, reservationId);
  if (row === undefined || row.site_id !== context.site.siteId || row.connector_id !== connectorId)
    throw new PilegateError('record.refused', `no reservation ${reservationId} of this site at ${connectorId}`);
  return row;
}
