import { errorCatalogue } from '#shared/errors.ts';
import type { CancelReservationCommand, ReserveCommand } from '#shared/wire/messages.ts';
import type { RecordBody, RecordOf, ReservationEndReason } from '#shared/wire/records.ts';
import type { Refusal } from './answer.ts';
import {
  type ConnectorState,
  type Context,
  type Decision,
  type LedgerTransaction,
  note,
  sessionOf,
  stay,
} from './connector.ts';
import { timeLeft } from './expiry.ts';
import { reportedBy } from './interlocks.ts';
import { whyNotTake } from './may-start.ts';
import { delivers } from './reading.ts';
import { commandDone, commandFailed } from './report.ts';
import { countedDown, holdOf, isWorthStoring, type Reservation } from './reservation.ts';
import type { Session } from './session.ts';

type Ended = RecordOf<'reservation.ended'>;

/** Why somebody without the reservation begins no charge here; null when nothing is held, or it is his. */
export function heldAgainst({ reservation }: ConnectorState, reservationId: string | null): Refusal | null {
  if (reservation === null || reservation.reservationId === reservationId) return null;
  return { code: 'connector.reserved' };
}

/** Takes a reserve. The hold, the word that it holds, and the command's outcome are on disk together. */
export function takeReserve(state: ConnectorState, command: ReserveCommand, context: Context): Decision {
  const { commandId, reservationId, untilMs } = command;
  if (state.reservation?.commandId === commandId) return stay(state);
  const time = timeLeft(command, context.now);
  const refusal = 'code' in time ? time : whyNotReserve(state, context);
  if (refusal !== null) return refuse(state, commandId, refusal);
  const reservation = holdOf(command, 'leftMs' in time ? time.leftMs : 0, context.now);
  if (reservation.leftMs <= 0) return refuse(state, commandId, { code: 'command.expired' });
  const { pileId, connectorId } = context.facts;
  const active: RecordBody = { kind: 'reservation.active', reservationId, commandId, pileId, connectorId, untilMs };
  const records = [active, commandDone(commandId, null)];
  return { state: { ...state, reservation }, orders: [note({ records, reservation: { connectorId, reservation } })] };
}

/** A connector is held for a driver who is still to come: one with a vehicle in it, or that would not charge, is not. */
function whyNotReserve(state: ConnectorState, { facts }: Context): Refusal | null {
  const { phase, reading, reservation, setUp } = state;
  if (phase.kind !== 'idle') return { code: 'connector.occupied' };
  if (reservation !== null) return { code: 'connector.reserved' };
  const refusal = whyNotTake(state, facts);
  if (refusal !== null) return refusal;
  if (reading === null) return { code: 'connector.offline' };
  if (reading.status === 'plugged' || reading.status === 'charging') return { code: 'connector.occupied' };
  const objection = reportedBy(reading);
  if (objection !== null) return { code: 'connector.faulted', detail: `${objection.fault}: ${objection.detail}` };
  return setUp.result === 'refused' || delivers(reading) ? { code: 'connector.faulted' } : null;
}

const refuse = (state: ConnectorState, commandId: string, { code, detail }: Refusal): Decision => ({
  state,
  orders: [note({ records: [commandFailed(commandId, code, detail ?? errorCatalogue[code].en)] })],
});

/** Nothing is held for it any more, whatever was: that is what was wanted. */
export function takeCancelReservation(
  state: ConnectorState,
  { commandId, reservationId }: CancelReservationCommand,
  context: Context,
): Decision {
  const done = commandDone(commandId, null);
  if (state.reservation?.reservationId !== reservationId) return { state, orders: [note({ records: [done] })] };
  return endHold(state, { reason: 'cancelled' }, context, [done]);
}

/** A technician on site releases the connector. */
export function releaseHold(state: ConnectorState, by: string, why: string, context: Context): Decision {
  return endHold(state, { reason: 'technician', detail: `${by}: ${why}`.slice(0, 500) }, context);
}

/** The connector is held no longer: its row goes with the record that tells of it. Does nothing where nothing is held. */
export function endHold(
  state: ConnectorState,
  ending: Pick<Ended, 'reason'> & Partial<Pick<Ended, 'detail' | 'sessionId'>>,
  { facts }: Pick<Context, 'facts'>,
  others: readonly RecordBody[] = [],
): Decision {
  const { reservation } = state;
  if (reservation === null) return stay(state);
  const over = holdOver(reservation, facts.connectorId, ending);
  return {
    state: { ...state, reservation: null },
    orders: [note({ ...over, records: [...over.records, ...others] })],
  };
}

/** What is stored when a hold is over. */
export function holdOver(
  { reservationId, heldMs }: Reservation,
  connectorId: string,
  {
    reason,
    detail = null,
    sessionId = null,
  }: { reason: ReservationEndReason; detail?: string | null; sessionId?: string | null },
): Pick<LedgerTransaction, 'records' | 'reservation'> {
  const ended: Ended = { kind: 'reservation.ended', reservationId, connectorId, reason, sessionId, heldMs, detail };
  return { records: [ended], reservation: { connectorId, reservation: null } };
}

/**
 * Time passes. The charge that has begun is the holder's, and has used it: nobody else's begins. A hold that is over ends; one of which
 * the cloud has not said in time that it knows it ends as well, for nobody would come. While the holder's charge is beginning nothing
 * ends: should it come to nothing, it is held on.
 */
export function watchHold(state: ConnectorState, context: Context): Decision {
  if (state.reservation === null) return stay(state);
  const reservation = countedDown(state.reservation, context.now);
  const next = { ...state, reservation };
  const session = sessionOf(state.phase);
  if (session?.confirmed === true) return usedBy(session, next, reservation, context);
  if (state.phase.kind !== 'checking' && session === null) {
    if (reservation.leftMs <= 0) return endHold(next, { reason: 'expired' }, context);
    if (!reservation.acknowledged && reservation.confirmLeftMs <= 0)
      return endHold(next, { reason: 'not-confirmed' }, context);
  }
  return isWorthStoring(reservation, context.now) ? storedHold(next, reservation, context) : stay(next);
}

/** It was held until the charge was begun, which is billed for that. */
function usedBy({ sessionId, heldMs }: Session, state: ConnectorState, held: Reservation, context: Context): Decision {
  const reservation = { ...held, heldMs: heldMs ?? held.heldMs };
  return endHold({ ...state, reservation }, { reason: 'used', sessionId }, context);
}

function storedHold(state: ConnectorState, seen: Reservation, { facts, now }: Context): Decision {
  const reservation = { ...seen, stored: now };
  return {
    state: { ...state, reservation },
    orders: [note({ reservation: { connectorId: facts.connectorId, reservation } })],
  };
}
