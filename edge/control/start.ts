import { bmsFaults } from '#shared/faults/bms.ts';
import { vehicleFaults } from '#shared/faults/vehicle.ts';
import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { StartCommand } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { type Answer, accepted, type Refusal, refused } from './answer.ts';
import { type ChargeWish, wishOf } from './charge-wish.ts';
import {
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  note,
  type Order,
  type Phase,
  record,
  stay,
} from './connector.ts';
import { timeLeft } from './expiry.ts';
import type { Objection } from './influence.ts';
import { renewedInterlocks, tripped } from './interlocks.ts';
import { limitsFor } from './limits.ts';
import { whyNoPower, whyNotBegin, whyNotTake, whyNotWrite } from './may-start.ts';
import { type Offer, standingOffer } from './offer.ts';
import { delivers } from './reading.ts';
import { heldAgainst, usedBy } from './reserve.ts';
import { failedStart, startSucceeded } from './service.ts';
import { openSession, type Session } from './session.ts';
import { setUpFault } from './set-up.ts';
import { beginStop, demandedStop, faultStop, type StopDetails, undoStart } from './stop.ts';
import { offerableMa, tooLittleLeft } from './target.ts';

type Asked = Pick<ChargeWish, 'commandId' | 'requestId'>;
type Checking = Extract<Phase, { kind: 'checking' }>;
type Preparing = Extract<Phase, { kind: 'preparing' }>;
type Starting = Extract<Phase, { kind: 'starting' }>;

/** A start is written at most so often; in vain each time, it is rolled back. */
const START_ATTEMPTS = 3;
/** A vehicle closes S2, and the pile its contactor, well within this time; a start that shows nothing by then is told again. */
const START_AGAIN_AFTER_MS = 15_000;
const WRITE_AGAIN_AFTER_MS = 2000;
const MAINS_FAULTS: ReadonlySet<FaultCode> = new Set(['over-voltage', 'under-voltage', 'voltage-fault']);
/** How long a start waits for the look at the pile that it needs. */
const CHECK_PATIENCE_MS = 3000;
/** How long it waits for its share of the supply: others have to be told less first, and their vehicles to follow. */
const POWER_PATIENCE_MS = 20_000;

const tell = ({ records, orders }: Answer): Order[] =>
  records.length === 0 ? [...orders] : [note({ records }), ...orders];

/** Refuses a start; nothing has been written to the pile and nothing will be. */
export function refuseStart(state: ConnectorState, wish: Asked, refusal: Refusal): Decision {
  return { state, orders: tell(refused(wish, refusal)) };
}

const faulted = (detail: string): Refusal => ({ code: 'connector.faulted', detail });

const toIdle = (decision: Decision): Decision => ({
  ...decision,
  state: { ...decision.state, phase: { kind: 'idle' } },
});

/** Takes the start of an order, unless it has expired. */
export function takeStart(state: ConnectorState, command: StartCommand, context: Context): Decision {
  const time = timeLeft(command, context.now);
  const withinMs = 'leftMs' in time ? time.leftMs : time;
  return begin(state, wishOf(command), withinMs, context);
}

/** A charge whose first watt-hour costs more than may be charged for it is better not begun. */
function belowMinimum({ tariff, limits, holdMinor }: ChargeWish): Refusal | null {
  const mostMinor = Math.min(limits.amountMinor ?? Infinity, holdMinor ?? Infinity);
  return mostMinor < (tariff?.minimumMinor ?? 0) ? { code: 'amount.below_minimum' } : null;
}

/** Takes a wish for a charge. @param withinMs how long it has to be confirmed, or why it comes too late */
export function begin(
  state: ConnectorState,
  wish: ChargeWish,
  withinMs: number | Refusal,
  { now, facts }: Context,
): Decision {
  if (state.phase.kind !== 'idle') return refuseStart(state, wish, { code: 'connector.occupied' });
  const refusal = heldAgainst(state, wish.reservationId) ?? whyNotTake(state, facts) ?? belowMinimum(wish);
  if (refusal !== null) return refuseStart(state, wish, refusal);
  if (typeof withinMs !== 'number') return refuseStart(state, wish, withinMs);
  const { monoMs } = now;
  const phase: Checking = { kind: 'checking', wish, receivedMonoMs: monoMs, confirmByMonoMs: monoMs + withinMs };
  return enter(state, phase, { kind: 'poll-now' });
}

/** The pile's true state, read after the command came in, decides. */
export function checkingReading(
  state: ConnectorState,
  phase: Checking,
  requestedMonoMs: number,
  context: Context,
): Decision {
  const { reading, track } = state;
  const { wish, receivedMonoMs, confirmByMonoMs } = phase;
  if (reading === null || requestedMonoMs < receivedMonoMs) return enter(state, phase, { kind: 'poll-now' });
  const { facts } = context;
  const found = whyNotTake(state, facts) ?? whyNotBegin(state, reading, context.now.monoMs);
  if (found !== null) return toIdle(refuseStart(state, wish, found));
  const waitedMs = context.now.monoMs - receivedMonoMs;
  if (state.setUp.result !== 'taken') {
    if (state.setUp.result === 'missing' && waitedMs < CHECK_PATIENCE_MS) return stay(state);
    return toIdle(refuseStart(state, wish, faulted(faultCatalogue['setup-not-taken'].en)));
  }
  // A charge that begins at a wrong count bills from it.
  if (track === null || track.doubt !== null) {
    if (waitedMs < CHECK_PATIENCE_MS) return stay(state);
    return toIdle(refuseStart(state, wish, faulted('the energy register is off its course')));
  }
  const shortage = whyNoPower(state, facts);
  if (shortage !== null) {
    const isOver = waitedMs >= POWER_PATIENCE_MS || context.now.monoMs >= confirmByMonoMs;
    return isOver ? toIdle(refuseStart(state, wish, shortage)) : stay(state);
  }
  const session = openSession(wish, {
    sessionId: context.newId(),
    pileId: facts.pileId,
    connectorId: facts.connectorId,
    limitMa: facts.limitMa,
    offeredMa: offerableMa(facts.limitMa, state.influence, facts),
    track,
    now: context.now,
    confirmByWallMs: context.now.wallMs + (confirmByMonoMs - context.now.monoMs),
    heldMs: state.reservation?.heldMs ?? null,
  });
  const transaction = { session: { session, open: true }, records: [] };
  return enter(
    { ...state, track: session.meter.track },
    { kind: 'preparing', session, confirmByMonoMs },
    { kind: 'commit', transaction, answer: session.sessionId },
  );
}

export function checkingPollFailed(state: ConnectorState, phase: Checking, context: Context): Decision {
  const seenMonoMs = Math.max(phase.receivedMonoMs, state.readingMonoMs);
  if (context.now.monoMs - seenMonoMs < CHECK_PATIENCE_MS) return stay(state);
  return toIdle(refuseStart(state, phase.wish, { code: 'connector.offline' }));
}

/** The surroundings object while the pile is being looked at. */
export function refuseChecking(state: ConnectorState, phase: Checking, { fault, detail }: Objection): Decision {
  return toIdle(refuseStart(state, phase.wish, faulted(`${fault}: ${detail}`)));
}

export function checkingCancel(state: ConnectorState, phase: Checking): Decision {
  return toIdle(refuseStart(state, phase.wish, { code: 'command.cancelled' }));
}

/** The session is on disk: now the pile may be told to deliver, if there is still time. */
export function preparingDurable(state: ConnectorState, phase: Preparing, context: Context): Decision {
  const { session, confirmByMonoMs } = phase;
  if (context.now.monoMs >= confirmByMonoMs)
    return beginStop(state, session, undoStart('not-confirmed', 'command.expired'), context);
  const { stop } = state.influence;
  if (stop !== null) return beginStop(state, session, demandedStop(stop, session), context);
  const refusal = whyNotWrite(state, context);
  if (refusal !== null)
    return beginStop(state, session, undoStart('not-confirmed', refusal.code, refusal.detail), context);
  const { monoMs } = context.now;
  const renewed = { ...state, interlocks: renewedInterlocks(state.interlocks, monoMs) };
  return writeStart(
    renewed,
    { kind: 'starting', session, confirmByMonoMs, attempts: 0, againMonoMs: 0, mostMa: 0 },
    context,
  );
}

/** A disk that gives no answer is given until the start's own deadline: what it has stored by then is undone. */
export function preparingPoll(state: ConnectorState, phase: Preparing, context: Context): Decision {
  // Nobody has told it to: it is stopped before it is asked whose charge that is.
  if (delivers(state.reading))
    return beginStop(state, phase.session, undoStart('not-confirmed', 'connector.occupied'), context);
  if (context.now.monoMs < phase.confirmByMonoMs) return stay(state);
  return beginStop(state, phase.session, undoStart('not-confirmed', 'store.unavailable'), context);
}

/** What is offered is what the surroundings leave at this moment. */
function writeStart(state: ConnectorState, phase: Starting, context: Context): Decision {
  const { facts } = context;
  const offeredMa = offerableMa(phase.session.limitMa, state.influence, facts);
  const session: Session = { ...phase.session, offeredMa };
  const next: Starting = {
    ...phase,
    session,
    attempts: phase.attempts + 1,
    mostMa: Math.max(phase.mostMa, offeredMa),
    againMonoMs: context.now.monoMs + START_AGAIN_AFTER_MS,
  };
  return enter(state, next, {
    kind: 'write',
    write: 'start',
    limitMa: offeredMa,
    requestId: session.requestId,
  });
}

/** Nothing was stored and nothing was written: as if it had never been asked. */
export function preparingStoreFailed(state: ConnectorState, phase: Preparing): Decision {
  return toIdle(refuseStart(state, phase.session, { code: 'store.unavailable' }));
}

/** One poll, good or failed, of a pile that has been told to deliver. */
export function startingPoll(state: ConnectorState, phase: Starting, context: Context): Decision {
  const { session, confirmByMonoMs, attempts, againMonoMs } = phase;
  const { monoMs } = context.now;
  const { stop } = state.influence;
  if (stop !== null) return beginStop(state, session, demandedStop(stop, session), context);
  if (offerableMa(session.limitMa, state.influence, context.facts) === 0)
    return beginStop(
      state,
      session,
      demandedStop(tooLittleLeft(session.limitMa, state.influence, context.facts), session),
      context,
    );
  const found =
    tripped(state.interlocks, state.reading, limitsFor(state, context), monoMs) ?? setUpFault(state.setUp, monoMs);
  if (found !== null) return giveUpStart(state, session, faultStop(found, session), context);
  if (monoMs >= confirmByMonoMs)
    return giveUpStart(state, session, undoStart('not-confirmed', 'pile.no_confirmation'), context);
  if (state.reading?.status === 'charging')
    return confirmStart(state, session, confirmByMonoMs, standingOffer(phase.mostMa, monoMs), context);
  const isDue = state.reading !== null && attempts < START_ATTEMPTS && monoMs >= againMonoMs;
  return isDue ? writeStart(state, phase, context) : stay(state);
}

/** The pile did not take the start: it is told once more, a little later, and only so often. */
export function startWriteFailed(state: ConnectorState, phase: Starting, context: Context): Decision {
  const { monoMs } = context.now;
  const againMonoMs = monoMs + WRITE_AGAIN_AFTER_MS;
  if (phase.attempts < START_ATTEMPTS && againMonoMs < phase.confirmByMonoMs)
    return enter(state, { ...phase, againMonoMs });
  return giveUpStart(state, phase.session, undoStart('not-confirmed', 'pile.write_failed'), context);
}

/** Rolls a start back that the pile has not followed, and counts it. */
function giveUpStart(state: ConnectorState, session: Session, details: StopDetails, context: Context): Decision {
  const isPiles = speaksAgainstPile(details, state.countedThisPlug);
  const { state: counted, orders } = isPiles ? failedStart(state, context) : stay(state);
  const decision = beginStop(counted, session, details, context);
  return { ...decision, orders: [...decision.orders, ...orders] };
}

/**
 * Vehicles and mains are not the pile's. A pile that takes the start and shows no charge may have a vehicle before it that
 * does not want to: that counts once for each vehicle.
 */
function speaksAgainstPile({ cause: { fault }, failure }: StopDetails, isCounted: boolean): boolean {
  if (fault !== null) return !(fault in vehicleFaults || fault in bmsFaults || MAINS_FAULTS.has(fault));
  return failure.code !== 'pile.no_confirmation' || !isCounted;
}

/** The pile shows that it charges: the start is done, and everybody may know. */
export function confirmStart(
  before: ConnectorState,
  begun: Session,
  confirmByMonoMs: number,
  offer: Offer,
  context: Context,
): Decision {
  const { state, session, over } = usedBy(before, begun);
  const sawCurrent = state.reading !== null && (state.reading.currentMa ?? 0) > 0;
  const confirmed: Session = { ...session, confirmed: true, sawCurrent: session.sawCurrent || sawCurrent };
  const { sessionId, pileId, connectorId, orderId, commandId, startedBy, tariff, startedAt, limitMa } = confirmed;
  const billedBy = tariff && { tariffId: tariff.tariffId, version: tariff.version };
  const meterStartWh = confirmed.readings[0].registerWh;
  const started: RecordOf<'session.started'> = {
    kind: 'session.started',
    sessionId,
    pileId,
    connectorId,
    orderId,
    commandId,
    ...(startedBy !== null && { startedBy }),
    ...(startedBy !== null && billedBy !== null && { tariff: billedBy }),
    startedAt,
    meterStartWh,
    limitMa,
  };
  const succeeded = startSucceeded(state, context);
  const phase = beginCharging(confirmed, confirmByMonoMs, offer, context.now.monoMs);
  const { records, orders } = accepted(confirmed, sessionId);
  const recorded = record(confirmed, started, ...records, ...over.records);
  const order = { ...recorded, transaction: { ...over, ...recorded.transaction } };
  return enter(succeeded.state, phase, order, ...succeeded.orders, ...orders);
}

/** A charge that delivers, from now on. */
export function beginCharging(
  session: Session,
  confirmByMonoMs: number,
  offer: Offer,
  nowMonoMs: number,
): Extract<Phase, { kind: 'charging' }> {
  return {
    kind: 'charging',
    session,
    confirmByMonoMs,
    flow: { kind: 'delivering' },
    offer,
    savedMonoMs: nowMonoMs,
    mayHaveRestarted: false,
  };
}
