import { type FeeRating, rateReservation } from '#shared/tariff/rate-fees.ts';
import { tariffSchema } from '#shared/tariff/tariff.ts';
import { storable } from '../ingest/storable.ts';
import { type Failure, finishOperation, type OutcomeContext } from '../operations/finish.ts';
import { findAccount } from '../partners/credit/accounts.ts';
import { postCharge } from '../partners/credit/settle.ts';
import { recordEvent } from '../webhooks/record-event.ts';
import { closeCommands } from './commands.ts';
import { BY_PARTNER, type Ending, failureOf } from './ending.ts';
import { asGivenBack } from './given-back.ts';
import { asReleased, type HolderCame, holderCame } from './holder-came.ts';
import { isOpen, nextReservationState } from './machine.ts';
import { updateReservation } from './store.ts';
import type { ReservationRow } from './tables.ts';
import { reservationView } from './view.ts';

/**
 * The site holds the connector, and has not done so before it was asked to, whatever its clock says.
 *
 * @param row locked in this transaction
 * @returns the reservation as it is then
 */
export async function activate(
  context: OutcomeContext,
  row: ReservationRow,
  activeAtMs: number,
): Promise<ReservationRow> {
  const next = nextReservationState(row.state, { kind: 'activated' });
  if (!next.ok) return row;
  const { trx, nowMs } = context;
  const active = await updateReservation(
    trx,
    row.reservation_id,
    { state: next.value, active_at_ms: Math.max(row.created_at_ms, activeAtMs) },
    nowMs,
  );
  await finishOperationsOf(context, row.reservation_id, 'reserve', null);
  await tell(context, 'reservation.active', active);
  return active;
}

/**
 * A reservation is over: state, price, the outcomes that somebody waits for and the event are one transaction. Does nothing but keep
 * quiet when it has ended already.
 *
 * @param row locked in this transaction
 */
export async function end(context: OutcomeContext, row: ReservationRow, told: Ending): Promise<ReservationRow> {
  const { trx, nowMs } = context;
  const holder = await holderCame(trx, row);
  const ending = asReleased(row, await asGivenBack(trx, row, told), holder, nowMs);
  const { event, reason, failure, heldMs, orderId = null, endedAtMs = nowMs } = ending;
  if (ending.mayStillHold !== true) await closeCommands(trx, row.reservation_id, nowMs);
  const next = nextReservationState(row.state, event);
  if (!next.ok || isOpen(next.value)) return row;
  const wasHeld = next.value !== 'rejected' && row.active_at_ms !== null;
  const ended = { ...row, state: next.value, end_reason: reason, held_ms: wasHeld ? heldMs : null };
  const fee = await feeOf(context, ended, holder);
  if (fee !== null) await postFee(context, ended, fee);
  const change = {
    state: ended.state,
    end_reason: reason,
    held_ms: ended.held_ms,
    ended_at_ms: endedAtMs,
    order_id: orderId,
    code: failure?.code ?? null,
    detail: failure === null ? null : storable(failure.detail, 500),
    fee: fee === null ? null : JSON.stringify(fee),
    missing_epoch: null,
    missing_seq: null,
  };
  const over = await updateReservation(trx, row.reservation_id, change, nowMs);
  await finishOperationsOf(context, row.reservation_id, 'reserve', failure ?? failureOf('command.cancelled'));
  const isUsed = over.state === 'used';
  await finishOperationsOf(
    context,
    row.reservation_id,
    'cancel-reservation',
    isUsed ? failureOf('reservation.not_active', 'a charge has used it') : null,
  );
  await tell(context, 'reservation.ended', over);
  return over;
}

/**
 * What a reservation costs that no charge has used. Only what was the holder's choice: that he gave it back, or did not come. One whose
 * start was accepted has come, whatever became of it: he pays as if he had given it back at its end. Null: nothing is asked.
 */
async function feeOf(
  { trx }: OutcomeContext,
  row: ReservationRow,
  { hasStarted, keptOutBy }: HolderCame,
): Promise<FeeRating | null> {
  const hasRunOut = row.state === 'expired';
  const isGivenBack = row.state === 'cancelled' && row.cancelled_by === BY_PARTNER;
  if (row.held_ms === null || keptOutBy !== null || !(hasRunOut || isGivenBack)) return null;
  const { document } = await trx
    .selectFrom('tariffs')
    .select('document')
    .where('tariff_id', '=', row.tariff_id)
    .where('version', '=', row.tariff_version)
    .executeTakeFirstOrThrow();
  return rateReservation(tariffSchema.parse(JSON.parse(document)), {
    heldMs: row.held_ms,
    isNoShow: hasRunOut && !hasStarted,
  });
}

/** From the account that the charge would have been paid from. A sandbox may have none: there nothing is paid. */
async function postFee(context: OutcomeContext, row: ReservationRow, fee: FeeRating): Promise<void> {
  if (fee.totalMinor === 0) return;
  const { partner_id: partnerId, environment, reservation_id: reservationId } = row;
  const account = await findAccount(context.trx, { partnerId, environment, currency: fee.currency });
  if (account === undefined) return;
  const charge = { transferId: reservationId, amountMinor: fee.totalMinor, orderId: null };
  await postCharge(context, account.account_id, { ...charge, reason: `reservation ${row.state}`, madeBy: 'platform' });
}

/** Ends what somebody still waits for on a reservation. */
export async function finishOperationsOf(
  context: OutcomeContext,
  reservationId: string,
  kind: 'reserve' | 'cancel-reservation',
  failure: Failure | null,
): Promise<void> {
  const open = await context.trx
    .selectFrom('operations')
    .select('operation_id')
    .where('reservation_id', '=', reservationId)
    .where('kind', '=', kind)
    .where('status', '=', 'accepted')
    .execute();
  for (const { operation_id: operationId } of open) await finishOperation(context, operationId, failure);
}

async function tell(
  context: OutcomeContext,
  type: 'reservation.active' | 'reservation.ended',
  row: ReservationRow,
): Promise<void> {
  context.logger.info(
    { reservationId: row.reservation_id, requestId: row.request_id, state: row.state, reason: row.end_reason },
    type === 'reservation.active' ? 'reservation holds' : 'reservation ends',
  );
  await recordEvent(context, {
    partnerId: row.partner_id,
    environment: row.environment,
    orderId: row.order_id,
    lane: row.reservation_id,
    type,
    data: reservationView(row),
    onlyEndpointId: null,
  });
}
