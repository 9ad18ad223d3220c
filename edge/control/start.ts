import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import { faultCatalogue } from '#shared/faults.ts';
import type { StartCommand } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
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
import { evaluateInterlocks, freshInterlocks } from './interlocks.ts';
import { isOff, type Reading } from './reading.ts';
import { commandDone, commandFailed } from './report.ts';
import { openSession, type Session } from './session.ts';
import { beginStop, faultStop, undoStart } from './stop.ts';

type Checking = Extract<Phase, { kind: 'checking' }>;
type Preparing = Extract<Phase, { kind: 'preparing' }>;
type Starting = Extract<Phase, { kind: 'starting' }>;

/** How long a start waits for the look at the pile that it needs. */
const CHECK_PATIENCE_MS = 3000;

const tell = (report: RecordOf<'command.reported'>): Order => ({
  kind: 'commit',
  answer: null,
  transaction: { session: null, records: [report] },
});

/** Refuses a start; nothing has been written to the pile and nothing will be. */
export function refuseStart(state: ConnectorState, command: StartCommand, code: ErrorCode, detail?: string): Decision {
  return { state, orders: [tell(commandFailed(command.commandId, code, detail ?? errorCatalogue[code].en))] };
}

const toIdle = (decision: Decision): Decision => ({
  ...decision,
  state: { ...decision.state, phase: { kind: 'idle' } },
});

/**
 * Takes a start. Its deadline runs by absolute time and by time-to-live, whichever is sooner; without a clock to
 * judge the first by, a remote start is refused.
 */
export function takeStart(state: ConnectorState, command: StartCommand, context: Context): Decision {
  const { now } = context;
  if (state.phase.kind !== 'idle') return refuseStart(state, command, 'connector.occupied');
  if (state.latched.length > 0) {
    return refuseStart(
      state,
      command,
      'connector.faulted',
      `latched until a technician resets: ${state.latched.join(', ')}`,
    );
  }
  if (state.blockedBy.length > 0) return refuseStart(state, command, 'connector.faulted', state.blockedBy.join(', '));
  if (now.clock === 'none')
    return refuseStart(state, command, 'command.expired', 'the site has no clock to judge the expiry by');
  const leftMs = Math.min(command.ttlMs, command.expiresAtMs - now.wallMs);
  if (leftMs <= 0) return refuseStart(state, command, 'command.expired', `expired ${-leftMs} ms ago`);
  const phase: Checking = {
    kind: 'checking',
    command,
    receivedMonoMs: now.monoMs,
    confirmByMonoMs: now.monoMs + leftMs,
  };
  return enter(state, phase, { kind: 'poll-now' });
}

function obstacle(reading: Reading, context: Context): ErrorCode | null {
  if (reading.status === 'unplugged') return 'connector.not_plugged';
  if (reading.status === 'charging') return 'connector.occupied';
  if (reading.status !== 'plugged' || (reading.registerWh ?? -1) < 0) return 'connector.faulted';
  // Current that nobody offered, or that nobody can see, is no ground to offer more.
  if (!isOff(reading)) return 'connector.faulted';
  const limits = { limitMa: context.facts.limitMa, overTemperatureDc: context.facts.overTemperatureDc };
  const { tripped } = evaluateInterlocks(freshInterlocks(context.now.monoMs), reading, limits, context.now.monoMs);
  return tripped === null ? null : 'connector.faulted';
}

/** The pile's true state, read after the command came in, decides. */
export function checkingReading(
  state: ConnectorState,
  phase: Checking,
  requestedMonoMs: number,
  context: Context,
): Decision {
  const { reading, track } = state;
  const { command, receivedMonoMs, confirmByMonoMs } = phase;
  if (reading === null || requestedMonoMs < receivedMonoMs) return enter(state, phase, { kind: 'poll-now' });
  const code = obstacle(reading, context);
  if (code !== null) return toIdle(refuseStart(state, command, code));
  const waitedMs = context.now.monoMs - receivedMonoMs;
  if (state.setUp.result !== 'taken') {
    if (state.setUp.result === 'missing' && waitedMs < CHECK_PATIENCE_MS) return stay(state);
    return toIdle(refuseStart(state, command, 'connector.faulted', faultCatalogue['setup-not-taken'].en));
  }
  // A charge that begins at a wrong count bills from it.
  if (track === null || track.doubt !== null) {
    if (waitedMs < CHECK_PATIENCE_MS) return stay(state);
    return toIdle(refuseStart(state, command, 'connector.faulted', 'the energy register is off its course'));
  }
  const session = openSession(command, {
    sessionId: context.newId(),
    pileId: context.facts.pileId,
    limitMa: context.facts.limitMa,
    track,
    now: context.now,
    confirmByWallMs: context.now.wallMs + (confirmByMonoMs - context.now.monoMs),
  });
  const transaction = { session: { session, open: true }, records: [] };
  return enter(
    { ...state, track: session.meter.track },
    { kind: 'preparing', session, confirmByMonoMs },
    { kind: 'commit', transaction, answer: session.sessionId },
  );
}

export function checkingPollFailed(state: ConnectorState, phase: Checking, context: Context): Decision {
  if (context.now.monoMs - phase.receivedMonoMs < CHECK_PATIENCE_MS) return stay(state);
  return toIdle(refuseStart(state, phase.command, 'connector.offline'));
}

export function checkingCancel(state: ConnectorState, phase: Checking): Decision {
  return toIdle(refuseStart(state, phase.command, 'command.cancelled'));
}

/** The session is on disk: now the pile may be told to deliver, if there is still time. */
export function preparingDurable(state: ConnectorState, phase: Preparing, context: Context): Decision {
  const { session, confirmByMonoMs } = phase;
  if (context.now.monoMs >= confirmByMonoMs)
    return beginStop(state, session, undoStart('not-confirmed', 'command.expired'), context);
  const write: Order = { kind: 'write', write: 'start', limitMa: session.limitMa, requestId: session.requestId };
  return enter(
    { ...state, interlocks: freshInterlocks(context.now.monoMs) },
    { kind: 'starting', session, confirmByMonoMs },
    write,
  );
}

/** Nothing was stored and nothing was written: as if it had never been asked. */
export function preparingStoreFailed(state: ConnectorState, phase: Preparing): Decision {
  const report = commandFailed(phase.session.commandId, 'store.unavailable', errorCatalogue['store.unavailable'].en);
  return enter(state, { kind: 'idle' }, tell(report));
}

export function startingPoll(state: ConnectorState, phase: Starting, context: Context): Decision {
  const { session, confirmByMonoMs } = phase;
  const limits = { limitMa: session.limitMa, overTemperatureDc: context.facts.overTemperatureDc };
  const judged = evaluateInterlocks(state.interlocks, state.reading, limits, context.now.monoMs);
  const next = { ...state, interlocks: judged.state };
  if (judged.tripped !== null) return beginStop(next, session, faultStop(judged.tripped, session), context);
  if (context.now.monoMs >= confirmByMonoMs)
    return beginStop(next, session, undoStart('not-confirmed', 'pile.no_confirmation'), context);
  if (state.reading?.status === 'charging') return confirmStart(next, session, confirmByMonoMs, context);
  return stay(next);
}

/** The pile shows that it charges: the start is done, and everybody may know. */
export function confirmStart(
  state: ConnectorState,
  session: Session,
  confirmByMonoMs: number,
  context: Context,
): Decision {
  const confirmed: Session = { ...session, confirmed: true };
  const { sessionId, pileId, connectorId, orderId, commandId, startedAt, limitMa } = confirmed;
  const meterStartWh = confirmed.readings[0].registerWh;
  const started: RecordOf<'session.started'> = {
    kind: 'session.started',
    sessionId,
    pileId,
    connectorId,
    orderId,
    commandId,
    startedAt,
    meterStartWh,
    limitMa,
  };
  const phase: Phase = {
    kind: 'charging',
    session: confirmed,
    confirmByMonoMs,
    vehicleIdleSinceMonoMs: null,
    savedMonoMs: context.now.monoMs,
  };
  return enter(state, phase, record(confirmed, started, commandDone(commandId, sessionId)));
}
