import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { Cdr, LocalUser } from '#shared/wire/cdr.ts';
import type { StopCommand } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { type Refusal, refused } from './answer.ts';
import { buildCdr } from './build-cdr.ts';
import {
  type ConnectorFacts,
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  type Order,
  type Phase,
  record,
  stay,
} from './connector.ts';
import { type Objection, objectionOf } from './influence.ts';
import { COMMUNICATION_LOST_AFTER_MS } from './interlocks.ts';
import { withLatch } from './latch.ts';
import { beginOccupancy, staysOccupied } from './occupancy.ts';
import { delivers, isOff, STOPPED_BELOW_MA } from './reading.ts';
import { alarm, commandDone } from './report.ts';
import { type Session, type StopCause, withMark } from './session.ts';
import {
  atHardStop,
  beginLadder,
  climb,
  isCutOff,
  isProven,
  PILE_PATIENCE_MS,
  type Rung,
  rungFailed,
  rungWritten,
} from './stop-ladder.ts';
import { occupancyOver } from './watch-occupancy.ts';

type Stopping = Extract<Phase, { kind: 'stopping' }>;
type Closing = Extract<Phase, { kind: 'closing' }>;

/** A stop without a fault has the same time as one with: 10 s until the ladder has been climbed. */
const ORDERLY_DEADLINE_MS = 10_000;
/**
 * From the proof until the last reading: a register is brought up to date about once a second, and a contactor that was
 * just closing when the stop came has opened by then.
 */
const REST_MS = 1500;
/** The register is read again until it rests, for at most this long after the current is off. */
const SETTLE_MS = 5000;
/**
 * How long a pile that does not answer, or does not tell its current, may keep its session open before the record goes out
 * with what was read last.
 */
const LAST_READING_PATIENCE_MS = 600_000;
/** A pile that cannot be stopped is a technician's: after a day its session goes out, marked, as far as it has been counted. */
const STOPPING_AT_MOST_MS = 86_400_000;
const STORE_AGAIN_AFTER_MS = 1000;
/** Between two times of leaving a pile alone. */
const LOOK_AGAIN_FOR_MS = 15_000;

export interface StopDetails {
  readonly cause: StopCause;
  /** Told to whoever asked for a start that has not been confirmed, and with the alarm of a fault. */
  readonly failure: Required<Refusal>;
  /** A fault of the pile itself latches the connector, if it is one that does. */
  readonly latches: boolean;
}

/** What whoever asked for a start that fails is told, where that is more than "the pile reports a fault". */
const codesByFault: Partial<Record<FaultCode, ErrorCode>> = {
  'gun-removed': 'connector.not_plugged',
  'communication-lost': 'connector.offline',
  'site-power': 'site.no_power',
};

/** A stop because a fault tripped an interlock. */
export function faultStop({ fault, detail }: Objection, session: Session): StopDetails {
  const code = codesByFault[fault] ?? 'connector.faulted';
  return {
    cause: { reason: reasonFor(fault), fault, voidReason: null, commandIds: session.stop?.commandIds ?? [] },
    failure: { code, detail },
    latches: true,
  };
}

/** A stop because something around the connector demands it: what latches there, latches there. */
export const demandedStop = (objection: Objection, session: Session): StopDetails => {
  const details = faultStop(objection, session);
  return { ...details, cause: { ...details.cause, reason: 'site' }, latches: false };
};

function reasonFor(fault: FaultCode): StopCause['reason'] {
  if (fault === 'gun-removed' || fault === 'communication-lost') return fault;
  return fault === 'max-duration' || fault === 'max-energy' ? 'limit-reached' : 'fault';
}

/** A stop because the start was not confirmed in time, or has been cancelled. */
export function undoStart(voidReason: 'not-confirmed' | 'cancelled', code: ErrorCode, detail?: string): StopDetails {
  return {
    cause: { reason: 'not-confirmed', fault: null, voidReason, commandIds: [] },
    failure: { code, detail: detail ?? errorCatalogue[code].en },
    latches: false,
  };
}

export function commandedStop(command: StopCommand): StopDetails {
  const voidReason = command.reason === 'not-confirmed' ? ('not-confirmed' as const) : null;
  return {
    cause: { reason: command.reason, fault: null, voidReason, commandIds: [command.commandId] },
    failure: { code: 'command.cancelled', detail: 'stopped before the pile began to charge' },
    latches: false,
  };
}

/** A stop by whoever may, before the pile. */
export const stopOnSite = ({ kind }: LocalUser): StopDetails => ({
  cause: { reason: kind === 'card' ? 'driver' : 'technician', fault: null, voidReason: null, commandIds: [] },
  failure: { code: 'command.cancelled', detail: 'stopped before the pile began to charge' },
  latches: false,
});

/**
 * Begins to stop: the write goes out first, the record follows. A start that was never confirmed fails here, and
 * what may have flowed is billed to nobody.
 */
export function beginStop(state: ConnectorState, session: Session, details: StopDetails, context: Context): Decision {
  const { now, facts } = context;
  const { fault } = details.cause;
  const entry = fault === null ? null : faultCatalogue[fault];
  const rung = entry?.reaction === 'hard-stop' ? 'hardStop' : 'softStop';
  const stopping: Session = { ...session, stop: causeOf(session, details.cause) };
  const isUndone = !session.confirmed && session.stop === null;
  const answer = isUndone ? refused(session, details.failure, session.sessionId) : { records: [], orders: [] };
  const records: RecordBody[] = [...answer.records];
  if (fault !== null && session.stop === null) {
    const { detail } = details.failure;
    records.push(alarm(facts, fault, { alarmId: context.newId(), sessionId: session.sessionId, detail }));
  }
  const phase: Stopping = {
    kind: 'stopping',
    session: stopping,
    ladder: beginLadder(rung, entry?.deadlineMs || ORDERLY_DEADLINE_MS, now.monoMs),
    provenMonoMs: null,
    told: fault === null ? [] : [fault],
    isDisarmed: false,
    quietUntilMonoMs: null,
  };
  const recorded = record(stopping, ...records);
  const isLatching = details.latches && fault !== null && faultCatalogue[fault].latch;
  const latched = isLatching ? withLatch(state, fault, recorded, context) : { state, order: recorded };
  return enter(latched.state, phase, writeRung(rung, session), latched.order, ...answer.orders);
}

/** The first cause names the stop; a later one adds who waits for it, and what makes its record void. */
function causeOf(session: Session, cause: StopCause): StopCause {
  const first = session.stop ?? cause;
  return {
    ...first,
    voidReason: first.voidReason ?? cause.voidReason ?? (session.confirmed ? null : 'not-confirmed'),
    commandIds: [...new Set([...first.commandIds, ...cause.commandIds])],
  };
}

const writeRung = (write: Rung, session: Session): Order => ({
  kind: 'write',
  write,
  limitMa: null,
  requestId: session.requestId,
});

/**
 * Something graver shows while the pile is being stopped in an orderly way: the hard stop does not wait, and whoever
 * reads the alarms hears of it.
 */
export function stopHarder(
  state: ConnectorState,
  phase: Stopping,
  { fault, detail }: Objection,
  latches: boolean,
  context: Context,
): Decision {
  const { session, ladder, told } = phase;
  if (told.includes(fault)) return stay(state);
  const { reaction, latch: isLatching } = faultCatalogue[fault];
  const isHarder = reaction === 'hard-stop' && ladder.rung === 'softStop' && phase.provenMonoMs === null;
  const raised = alarm(context.facts, fault, { alarmId: context.newId(), sessionId: session.sessionId, detail });
  const next: Stopping = { ...phase, ladder: isHarder ? atHardStop(ladder) : ladder, told: [...told, fault] };
  const recorded = record(session, raised);
  const latched = latches && isLatching ? withLatch(state, fault, recorded, context) : { state, order: recorded };
  const hard = isHarder ? [writeRung('hardStop', session)] : [];
  return enter(latched.state, next, ...hard, latched.order);
}

/** A fresh look at a pile that is being stopped. `cameToRest`: the register reads as it did the time before. */
export function stoppingReading(
  state: ConnectorState,
  phase: Stopping,
  look: { requestedMonoMs: number; cameToRest: boolean },
  context: Context,
): Decision {
  const { reading } = state;
  if (reading === null) return stay(state);
  const nowMs = context.now.monoMs;
  if (phase.provenMonoMs !== null) return resting(state, phase, look.cameToRest, context);
  if (isProven(phase.ladder, reading, look.requestedMonoMs)) {
    const session = phase.ladder.rung === 'trip' ? withMark(phase.session, 'tripped-off') : phase.session;
    const isDisarmed = phase.isDisarmed || phase.ladder.rung === 'softStop';
    const disarm = isDisarmed ? [] : [writeRung('softStop', session)];
    return enter(state, { ...phase, session, provenMonoMs: nowMs }, ...disarm);
  }
  // One that says it delivers keeps its session: what flows has to be on a record.
  const isUnseen = nowMs - state.interlocks.lastCurrentMs >= LAST_READING_PATIENCE_MS && !delivers(reading);
  if (isUnseen || isGivenUp(phase, nowMs)) return close(state, withMark(phase.session, 'stop-not-proven'), context);
  // Off, but asked before the write: the look that the write has ordered decides.
  const { writtenMonoMs } = phase.ladder;
  const isBehind = writtenMonoMs !== null && look.requestedMonoMs < writtenMonoMs;
  return isBehind && isOff(reading) ? stay(state) : climbOn(state, phase, context);
}

/** Seen to be off: the record waits for the register's last word. */
function resting(state: ConnectorState, phase: Stopping, cameToRest: boolean, context: Context): Decision {
  if (delivers(state.reading)) return climbOn(state, { ...phase, provenMonoMs: null }, context);
  const restedMs = context.now.monoMs - (phase.provenMonoMs ?? context.now.monoMs);
  if (restedMs < REST_MS || (!cameToRest && restedMs < SETTLE_MS)) return stay(state);
  return close(state, phase.session, context);
}

const isGivenUp = ({ ladder }: Stopping, nowMonoMs: number) => nowMonoMs - ladder.startedMonoMs >= STOPPING_AT_MOST_MS;

/** A failed look at a pile that is being stopped. */
export function stoppingPollFailed(state: ConnectorState, phase: Stopping, context: Context): Decision {
  const { monoMs } = context.now;
  const estimated = withMark(phase.session, 'end-estimated');
  // Without power it has nothing to answer with: the output that has taken it away is the proof.
  if (isCutOff(phase.ladder, monoMs)) return close(state, withMark(estimated, 'tripped-off'), context);
  const isGone = monoMs - state.interlocks.lastReadingMs >= COMMUNICATION_LOST_AFTER_MS;
  const isOver = monoMs - phase.ladder.startedMonoMs >= LAST_READING_PATIENCE_MS;
  if ((isGone && isOver) || isGivenUp(phase, monoMs))
    return close(state, phase.provenMonoMs === null ? withMark(estimated, 'stop-not-proven') : estimated, context);
  return phase.provenMonoMs === null ? climbOn(state, phase, context) : stay(state);
}

export function stopWritten(state: ConnectorState, before: Stopping, write: Rung, context: Context): Decision {
  const phase = write === 'softStop' ? { ...before, isDisarmed: true } : before;
  if (write !== phase.ladder.rung) return enter(state, phase);
  return enter(state, { ...phase, ladder: rungWritten(phase.ladder, context.now.monoMs) }, { kind: 'poll-now' });
}

export function stopWriteFailed(state: ConnectorState, phase: Stopping, write: Rung, context: Context): Decision {
  if (write !== phase.ladder.rung) return stay(state);
  return climbOn(state, { ...phase, ladder: rungFailed(phase.ladder, context.now.monoMs) }, context);
}

function climbOn(state: ConnectorState, phase: Stopping, context: Context): Decision {
  const rungs = rungsFor(state, context.facts);
  const { ladder, write, ranOut } = climb(phase.ladder, rungs, context.now.monoMs);
  const orders: Order[] = write === null ? [] : [writeRung(write, phase.session)];
  const isCuttingOff = write === 'trip' && phase.ladder.rung !== 'trip' && !phase.ladder.exhausted;
  if (!ladder.exhausted && !isCuttingOff) return enter(state, { ...phase, ladder }, ...orders);
  const session = ladder.exhausted ? withMark(phase.session, 'stop-not-proven') : phase.session;
  const refusal = refusalOf(state, ladder.exhausted ? rungs : null);
  const isTurn = ranOut || isCuttingOff;
  const isAlarming = isTurn && !phase.told.includes(refusal.fault);
  const told = isAlarming ? [...phase.told, refusal.fault] : phase.told;
  const quietUntilMonoMs = ladder.exhausted ? quietFrom(state, phase, context) : null;
  const next: Stopping = { ...phase, session, ladder, told, quietUntilMonoMs };
  const about = { alarmId: context.newId(), sessionId: session.sessionId, detail: refusal.detail };
  const recorded = record(session, ...(isAlarming ? [alarm(context.facts, refusal.fault, about)] : []));
  // Without a reading nobody knows; as soon as current is seen to flow, a technician has to come.
  const isLatching = delivers(state.reading) && !state.latched.includes(refusal.fault);
  const latched = isLatching ? withLatch(state, refusal.fault, recorded, context) : { state, order: recorded };
  return enter(latched.state, next, ...orders, ...(isTurn || isLatching ? [latched.order] : []));
}

/**
 * The ways that there are to stop this pile. One that has fallen silent, and had the set-up by which it
 * stops by itself, is not cut off, which only a technician could undo; one that delivers on without its controller is.
 */
export function rungsFor(state: ConnectorState, facts: ConnectorFacts): readonly Rung[] {
  const isLeftToItself = state.reading === null && !state.isHeard && stopsByItself(state, facts);
  return facts.hasTrip && !isLeftToItself ? ['softStop', 'hardStop', 'trip'] : ['softStop', 'hardStop'];
}

const stopsByItself = ({ hadSetUp }: ConnectorState, { stopsByItselfAfterMs }: ConnectorFacts): boolean =>
  hadSetUp && stopsByItselfAfterMs !== null;

/**
 * A pile that cannot be read may hear us all the same, and every word of ours tells its watchdog that we are there. When
 * every way has been tried it is left alone for as long as it needs to stop by itself, and then looked at again.
 */
function quietFrom(state: ConnectorState, phase: Stopping, { facts, now }: Context): number | null {
  const { quietUntilMonoMs } = phase;
  const isUnread = state.reading === null && stopsByItself(state, facts);
  const isOver = quietUntilMonoMs === null || now.monoMs >= quietUntilMonoMs + LOOK_AGAIN_FOR_MS;
  if (!isUnread || !isOver) return quietUntilMonoMs;
  // Falling back takes the offer away, and the contactor opens under load if the vehicle goes on.
  return now.monoMs + (facts.stopsByItselfAfterMs ?? 0) + PILE_PATIENCE_MS;
}

/** Whether a pile is to be left alone at this moment: not read, not written, not fed. */
export function isLeftAlone({ phase }: ConnectorState, nowMonoMs: number): boolean {
  return phase.kind === 'stopping' && phase.quietUntilMonoMs !== null && nowMonoMs < phase.quietUntilMonoMs;
}

/**
 * What it means that a pile has not stopped. One that says it is off while current flows has a welded contactor.
 *
 * @param tried every way there is, once all of them have been tried
 */
export function refusalOf({ reading }: ConnectorState, tried: readonly Rung[] | null): Objection {
  const isWelded = reading !== null && reading.status !== 'charging' && (reading.currentMa ?? 0) >= STOPPED_BELOW_MA;
  if (isWelded) return { fault: 'contactor-welded', detail: 'the pile says that it is off, and current still flows' };
  if (tried === null) return objectionOf('stop-refused');
  const seen = reading === null ? 'it does not answer' : 'it does not tell its current';
  const isSeen = reading !== null && (reading.currentMa !== null || delivers(reading));
  const fault = tried.includes('trip') ? 'trip-failed' : 'stop-not-proven';
  return isSeen ? objectionOf(fault) : { fault, detail: `told to stop by every way there is; ${seen}` };
}

/** One more stop command for a session that is stopping already: it gets its answer when the session has ended. */
export function stopAgain(state: ConnectorState, phase: Stopping, command: StopCommand): Decision {
  const { stop } = phase.session;
  if (stop === null || stop.commandIds.includes(command.commandId)) return stay(state);
  const voidReason = stop.voidReason ?? (command.reason === 'not-confirmed' ? 'not-confirmed' : null);
  const commandIds = [...stop.commandIds, command.commandId];
  const session: Session = { ...phase.session, stop: { ...stop, voidReason, commandIds } };
  return enter(state, { ...phase, session }, record(session));
}

/** A cancel for a session that is stopping already: what flowed is billed to nobody. */
export function voidStop(state: ConnectorState, phase: Stopping): Decision {
  const { stop } = phase.session;
  if (stop === null || stop.voidReason !== null) return stay(state);
  const session: Session = { ...phase.session, stop: { ...stop, voidReason: 'cancelled' } };
  return enter(state, { ...phase, session }, record(session));
}

function close(state: ConnectorState, ended: Session, context: Context): Decision {
  const session = withEmptiness(ended);
  const cause: StopCause = session.stop ?? { reason: 'fault', fault: null, voidReason: null, commandIds: [] };
  const { facts, newId, now } = context;
  const occupancyId = staysOccupied(session, cause, state.reading) ? newId() : null;
  const cdr = buildCdr(session, cause, { cdrId: newId(), siteId: facts.siteId, now, occupancyId });
  const records: RecordBody[] = [
    { kind: 'session.ended', cdr },
    ...cause.commandIds.map((commandId) => commandDone(commandId, session.sessionId)),
  ];
  const stay = session.confirmed ? afterCharge(state, cdr, now) : { occupancy: state.occupancy, records: [] };
  const closing: Closing = { kind: 'closing', session, records: [...stay.records, ...records], retryMonoMs: null };
  return store({ ...state, occupancy: stay.occupancy }, closing);
}

/** The vehicle may stay. What stood there before this charge, at a pile that nobody could look at, has left. */
function afterCharge({ occupancy }: ConnectorState, cdr: Cdr, now: Stamp) {
  const records = occupancy === null ? [] : occupancyOver(occupancy, 'next-charge').records;
  return { occupancy: beginOccupancy(cdr, now), records };
}

/** A charge that was confirmed and has moved nothing, or of which nothing was ever seen at all. */
function withEmptiness(session: Session): Session {
  const isEmpty = session.lastReading.registerWh === session.readings[0].registerWh;
  if (!session.confirmed || !isEmpty) return session;
  const empty = withMark(session, 'zero-energy');
  return session.sawCurrent ? empty : withMark(empty, 'phantom');
}

/** The seal reading goes with the record: where the register of this pile and meter was left. */
function store(state: ConnectorState, phase: Closing): Decision {
  const { session, records } = phase;
  const { connectorId } = session;
  const seal = state.device === null ? {} : { device: { connectorId, device: state.device } };
  const occupancy = { connectorId, occupancy: state.occupancy };
  const transaction = { session: { session, open: false }, records, ...seal, occupancy };
  const order: Order = { kind: 'commit', answer: session.sessionId, transaction };
  return enter(state, { ...phase, retryMonoMs: null }, order);
}

/** The ledger could not take the record. It is offered again, and never dropped. */
export function closingStoreFailed(state: ConnectorState, phase: Closing, context: Context): Decision {
  return enter(state, { ...phase, retryMonoMs: context.now.monoMs + STORE_AGAIN_AFTER_MS });
}

export function closingPoll(state: ConnectorState, phase: Closing, context: Context): Decision {
  const isDue = phase.retryMonoMs !== null && context.now.monoMs >= phase.retryMonoMs;
  return isDue ? store(state, phase) : stay(state);
}
