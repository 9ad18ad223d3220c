import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { StopCommand } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { buildCdr } from './build-cdr.ts';
import {
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  type Order,
  type Phase,
  record,
  stay,
} from './connector.ts';
import { COMMUNICATION_LOST_AFTER_MS, heard } from './interlocks.ts';
import { delivers, isOff } from './reading.ts';
import { alarm, commandDone, commandFailed } from './report.ts';
import { type Session, type StopCause, withMark } from './session.ts';
import { beginLadder, climb, isProven, type Rung, rungFailed, rungWritten } from './stop-ladder.ts';

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
const STORE_AGAIN_AFTER_MS = 1000;

export interface StopDetails {
  readonly cause: StopCause;
  /** Told to whoever asked for a start that has not been confirmed. */
  readonly failure: { readonly code: ErrorCode; readonly detail: string };
}

/** A stop because a fault tripped an interlock. */
export function faultStop(fault: FaultCode, session: Session): StopDetails {
  const reason = fault === 'gun-removed' || fault === 'communication-lost' ? fault : 'fault';
  const code =
    fault === 'gun-removed'
      ? 'connector.not_plugged'
      : fault === 'communication-lost'
        ? 'connector.offline'
        : 'connector.faulted';
  return {
    cause: { reason, fault, voidReason: null, commandIds: session.stop?.commandIds ?? [] },
    failure: { code, detail: faultCatalogue[fault].en },
  };
}

/** A stop because the start was not confirmed in time, or has been cancelled. */
export function undoStart(voidReason: 'not-confirmed' | 'cancelled', code: ErrorCode, detail?: string): StopDetails {
  return {
    cause: { reason: 'not-confirmed', fault: null, voidReason, commandIds: [] },
    failure: { code, detail: detail ?? errorCatalogue[code].en },
  };
}

export function commandedStop(command: StopCommand): StopDetails {
  const voidReason = command.reason === 'not-confirmed' ? ('not-confirmed' as const) : null;
  return {
    cause: { reason: command.reason, fault: null, voidReason, commandIds: [command.commandId] },
    failure: { code: 'command.cancelled', detail: 'stopped before the pile began to charge' },
  };
}

/**
 * Begins to stop: the write goes out first, the record follows. A start that was never confirmed fails here, and
 * what may have flowed is billed to nobody.
 */
export function beginStop(state: ConnectorState, session: Session, details: StopDetails, context: Context): Decision {
  const { now, facts } = context;
  const { fault } = details.cause;
  const entry = fault === null ? null : faultCatalogue[fault];
  const rung: Rung = entry?.reaction === 'hard-stop' ? 'hardStop' : 'softStop';
  const stopping: Session = { ...session, stop: causeOf(session, details.cause) };
  const records: RecordBody[] = [];
  if (!session.confirmed && session.stop === null) {
    records.push(commandFailed(session.commandId, details.failure.code, details.failure.detail, session.sessionId));
  }
  if (fault !== null && session.stop === null) {
    records.push(
      alarm(facts, fault, { alarmId: context.newId(), sessionId: session.sessionId, detail: faultCatalogue[fault].en }),
    );
  }
  const phase: Stopping = {
    kind: 'stopping',
    session: stopping,
    ladder: beginLadder(rung, entry?.deadlineMs ?? ORDERLY_DEADLINE_MS, now.monoMs),
    provenMonoMs: null,
  };
  const orders: Order[] = [writeRung(rung, session), record(stopping, ...records)];
  const latched = entry?.latch && fault !== null ? latch(state, fault, context, orders) : state;
  return enter(latched, phase, ...orders);
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

function latch(state: ConnectorState, fault: FaultCode, context: Context, orders: Order[]): ConnectorState {
  if (state.latched.includes(fault)) return state;
  const faults = [...state.latched, fault];
  const { connectorId } = context.facts;
  orders.push({
    kind: 'commit',
    answer: null,
    transaction: { session: null, records: [], latched: { connectorId, faults } },
  });
  return { ...state, latched: faults };
}

/** A fresh look at a pile that is being stopped. `cameToRest`: the register reads as it did the time before. */
export function stoppingReading(
  before: ConnectorState,
  phase: Stopping,
  look: { requestedMonoMs: number; cameToRest: boolean },
  context: Context,
): Decision {
  const { reading } = before;
  if (reading === null) return stay(before);
  const nowMs = context.now.monoMs;
  const state = { ...before, interlocks: heard(before.interlocks, reading, nowMs) };
  if (phase.provenMonoMs === null) {
    if (!isProven(phase.ladder, reading, look.requestedMonoMs)) {
      // One that says it delivers keeps its session: what flows has to be on a record.
      const isUnseen = nowMs - state.interlocks.lastCurrentMs >= LAST_READING_PATIENCE_MS;
      if (isUnseen && !delivers(reading)) return close(state, withMark(phase.session, 'stop-not-proven'), context);
      // Off, but asked before the write: the look that the write has ordered decides.
      const { writtenMonoMs } = phase.ladder;
      const isBehind = writtenMonoMs !== null && look.requestedMonoMs < writtenMonoMs;
      return isBehind && isOff(reading) ? stay(state) : climbOn(state, phase, context);
    }
    return enter(state, { ...phase, provenMonoMs: nowMs });
  }
  if (delivers(reading)) return climbOn(state, { ...phase, provenMonoMs: null }, context);
  const restedMs = nowMs - phase.provenMonoMs;
  if (restedMs < REST_MS || (!look.cameToRest && restedMs < SETTLE_MS)) return stay(state);
  return close(state, phase.session, context);
}

/** A failed look at a pile that is being stopped. */
export function stoppingPollFailed(state: ConnectorState, phase: Stopping, context: Context): Decision {
  const { monoMs } = context.now;
  const isGone = monoMs - state.interlocks.lastReadingMs >= COMMUNICATION_LOST_AFTER_MS;
  if (isGone && monoMs - phase.ladder.startedMonoMs >= LAST_READING_PATIENCE_MS) {
    const estimated = withMark(phase.session, 'end-estimated');
    return close(state, phase.provenMonoMs === null ? withMark(estimated, 'stop-not-proven') : estimated, context);
  }
  return phase.provenMonoMs === null ? climbOn(state, phase, context) : stay(state);
}

export function stopWritten(state: ConnectorState, phase: Stopping, write: Rung, context: Context): Decision {
  if (write !== phase.ladder.rung) return stay(state);
  return enter(state, { ...phase, ladder: rungWritten(phase.ladder, context.now.monoMs) }, { kind: 'poll-now' });
}

export function stopWriteFailed(state: ConnectorState, phase: Stopping, write: Rung, context: Context): Decision {
  if (write !== phase.ladder.rung) return stay(state);
  return climbOn(state, { ...phase, ladder: rungFailed(phase.ladder, context.now.monoMs) }, context);
}

function climbOn(state: ConnectorState, phase: Stopping, context: Context): Decision {
  const { ladder, write, ranOut } = climb(phase.ladder, context.now.monoMs);
  const orders: Order[] = write === null ? [] : [writeRung(write, phase.session)];
  if (!ladder.exhausted) return enter(state, { ...phase, ladder }, ...orders);
  const session = withMark(phase.session, 'stop-not-proven');
  if (ranOut) {
    orders.push(record(session, notProven(state, session, context)));
  }
  // Without a reading nobody knows; as soon as current is seen to flow, a technician has to come.
  const latched = delivers(state.reading) ? latch(state, 'stop-not-proven', context, orders) : state;
  return enter(latched, { ...phase, session, ladder }, ...orders);
}

function notProven({ reading }: ConnectorState, session: Session, context: Context): RecordBody {
  const tried = 'told to stop by every way there is';
  const isUnseen = reading?.currentMa === null && !delivers(reading);
  const detail =
    reading === null
      ? `${tried}; it does not answer`
      : isUnseen
        ? `${tried}; it does not tell its current`
        : faultCatalogue['stop-not-proven'].en;
  return alarm(context.facts, 'stop-not-proven', { alarmId: context.newId(), sessionId: session.sessionId, detail });
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

function close(state: ConnectorState, session: Session, context: Context): Decision {
  const cause: StopCause = session.stop ?? { reason: 'fault', fault: null, voidReason: null, commandIds: [] };
  const cdr = buildCdr(session, cause, { cdrId: context.newId(), siteId: context.facts.siteId, now: context.now });
  const records: RecordBody[] = [
    { kind: 'session.ended', cdr },
    ...cause.commandIds.map((commandId) => commandDone(commandId, session.sessionId)),
  ];
  return store(state, { kind: 'closing', session, records, retryMonoMs: null });
}

function store(state: ConnectorState, phase: Closing): Decision {
  const { session, records } = phase;
  const transaction = { session: { session, open: false }, records };
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
