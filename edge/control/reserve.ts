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
type Ending = Pick<Ended, 'reason'> & Partial<Pick<Ended, 'detail' | 'sessionId'>>;
/** What is stored with whatever ends a hold. */
type Over = Pick<LedgerTransaction, 'records' | 'reservation'>;

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

/** A reserve is taken back. */
export const withdrawHold = (state: ConnectorState, context: Context): Decision =>
  endHold(state, { reason: 'cancelled' }, context);

/** The connector is held no longer: its row goes with the record that tells of it. Does nothing where nothing is held. */
function endHold(
  state: ConnectorState,
  ending: Ending,
  context: Pick<Context, 'facts'>,
  others: readonly RecordBody[] = [],
): Decision {
  if (state.reservation === null) return stay(state);
  const { state: free, over } = released(state, ending, context);
  return { state: free, orders: [note({ ...over, records: [...over.records, ...others] })] };
}

/**
 * The connector without what it was held for, and what is to be stored with whatever releases it. Also while a start of the holder's
 * is under way: the charge then begins as one without a reservation. What a charge has begun with is used, whoever wants it released.
 */
export function released(
  state: ConnectorState,
  ending: Ending,
  { facts }: Pick<Context, 'facts'>,
): { readonly state: ConnectorState; readonly over: Over } {
  const { reservation } = state;
  if (reservation === null) return { state, over: { records: [] } };
  const session = sessionOf(state.phase);
  if (session?.confirmed === true && isHeldFor(reservation, session)) return usedBy(state, session);
  return { state: { ...state, reservation: null }, over: holdOver(reservation, facts.connectorId, ending) };
}

const isHeldFor = (reservation: Reservation | null, session: Session): reservation is Reservation =>
  reservation !== null && reservation.reservationId === session.reservationId;

/**
 * A charge begins: what is still held for it is used, for as long as it was held until he came. What has ended while the charge was
 * beginning is billed where it has ended, and leaves no trace here.
 *
 * @returns the session with what it is billed for, and what is to be stored together with it
 */
export function usedBy(
  state: ConnectorState,
  session: Session,
): { readonly state: ConnectorState; readonly session: Session; readonly over: Over } {
  const { reservation } = state;
  if (!isHeldFor(reservation, session)) return { state, session: { ...session, heldMs: null }, over: { records: [] } };
  const { sessionId, connectorId } = session;
  const heldMs = session.heldMs ?? reservation.heldMs;
  return {
    state: { ...state, reservation: null },
    session: { ...session, heldMs },
    over: holdOver({ ...reservation, heldMs }, connectorId, { reason: 'used', sessionId }),
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
): Over {
  const ended: Ended = { kind: 'reservation.ended', reservationId, connectorId, reason, sessionId, heldMs, detail };
  return { records: [ended], reservation: { connectorId, reservation: null } };
}

/**
 * Time passes. A hold that is over ends; one of which the cloud has not said in time that it knows it ends as well, for nobody would
 * come. While the holder's charge is beginning time ends nothing: should it come to nothing, it is held on, and ends then. The disk may
 * have a hold beside the charge that has begun with it.
 */
export function watchHold(state: ConnectorState, context: Context): Decision {
  if (state.reservation === null) return stay(state);
  const reservation = countedDown(state.reservation, context.now);
  const next = { ...state, reservation };
  const session = sessionOf(state.phase);
  if (session?.confirmed === true && isHeldFor(reservation, session)) return endHold(next, { reason: 'used' }, context);
  if (state.phase.kind !== 'checking' && session === null) {
    if (reservation.leftMs <= 0) return endHold(next, { reason: 'expired' }, context);
    if (!reservation.acknowledged && reservation.confirmLeftMs <= 0)
      return endHold(next, { reason: 'not-confirmed' }, context);
  }
  return isWorthStoring(reservation, context.now) ? storedHold(next, reservation, context) : stay(next);
}

function storedHold(state: ConnectorState, seen: Reservation, { facts, now }: Context): Decision {
  const reservation = { ...seen, stored: now };
  return {
    state: { ...state, reservation },
    orders: [note({ reservation: { connectorId: facts.connectorId, reservation } })],
  };
}
