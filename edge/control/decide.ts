import type { Command } from '#shared/wire/messages.ts';
import { adoptingPollFailed, adoptingReading } from './adopt.ts';
import { chargingPoll } from './charge.ts';
import {
  type ConnectorEvent,
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  sessionOf,
  stay,
} from './connector.ts';
import type { Reading } from './reading.ts';
import { isPlausible } from './register-guard.ts';
import { commandDone, commandFailed } from './report.ts';
import { resetLatches } from './reset.ts';
import { type Session, sessionTimeMs, withMark, withReading } from './session.ts';
import {
  checkingCancel,
  checkingPollFailed,
  checkingReading,
  preparingDurable,
  preparingStoreFailed,
  startingPoll,
  takeStart,
} from './start.ts';
import {
  beginStop,
  closingPoll,
  closingStoreFailed,
  commandedStop,
  stopAgain,
  stoppingPollFailed,
  stoppingReading,
  stopWriteFailed,
  stopWritten,
  undoStart,
  voidStop,
} from './stop.ts';
import { idleReading } from './stray.ts';

/**
 * The whole mind of a connector: what it is, what happened, what to do about it. Pure and synchronous; every fresh
 * reading is judged here at once.
 */
export function decide(state: ConnectorState, event: ConnectorEvent, context: Context): Decision {
  switch (event.kind) {
    case 'reading':
      return onReading(state, event.reading, event.requestedMonoMs, context);
    case 'poll-failed':
      return onPollFailed({ ...state, reading: null }, context);
    case 'command':
      return onCommand(state, event.command, context);
    case 'cancel':
      return onCancel(state, event.commandId, context);
    case 'durable':
      return onDurable(state, event.sessionId, context);
    case 'store-failed':
      return onStoreFailed(state, event.sessionId, context);
    case 'acknowledged':
      return onAcknowledged(state, event.sessionId);
    case 'written':
      if (state.phase.kind !== 'stopping' || event.write === 'start')
        return enter(state, state.phase, { kind: 'poll-now' });
      return stopWritten(state, state.phase, event.write, context);
    case 'write-failed':
      return onWriteFailed(state, event.write, context);
    case 'reset':
      return resetLatches(state, context);
  }
}

function onReading(before: ConnectorState, reading: Reading, requestedMonoMs: number, context: Context): Decision {
  const { now } = context;
  const seen: ConnectorState = { ...before, reading, readingMonoMs: now.monoMs, readingWallMs: now.wallMs };
  const { state, cameToRest } = takeRegister(seen, context);
  const { phase } = state;
  switch (phase.kind) {
    case 'idle':
      return idleReading(state, context);
    case 'preparing':
      return stay(state);
    case 'checking':
      return checkingReading(state, phase, requestedMonoMs, context);
    case 'starting':
      return startingPoll(state, phase, context);
    case 'charging':
      return chargingPoll(state, phase, context);
    case 'stopping':
      return stoppingReading(heard(state, now.monoMs), phase, { requestedMonoMs, cameToRest }, context);
    case 'closing':
      return closingPoll(state, phase, context);
    case 'adopting':
      return adoptingReading(heard(state, now.monoMs), phase, context);
  }
}

const heard = (state: ConnectorState, monoMs: number): ConnectorState => ({
  ...state,
  interlocks: { ...state.interlocks, lastReadingMs: monoMs },
});

/** Puts a plausible register value into the session; one that cannot be true is marked and not billed. */
function takeRegister(state: ConnectorState, context: Context): { state: ConnectorState; cameToRest: boolean } {
  const registerWh = state.reading?.registerWh ?? null;
  const session = sessionOf(state.phase);
  if (registerWh === null) return { state, cameToRest: false };
  const { now } = context;
  const belief = { registerWh, monoMs: now.monoMs };
  if (session === null || state.phase.kind === 'closing') return { state: { ...state, belief }, cameToRest: true };
  const known = state.belief ?? {
    registerWh: session.lastReading.registerWh,
    monoMs: now.monoMs - Math.max(0, sessionTimeMs(session, now) - session.lastReading.atMs),
  };
  if (!isPlausible(known, registerWh, now.monoMs, context.facts.maxPowerW)) {
    return { state: withSession(state, withMark(session, 'register-implausible')), cameToRest: false };
  }
  const bandChanged = (fromMs: number, toMs: number) => context.bandChanged(session.tariff, fromMs, toMs);
  const cameToRest = session.lastReading.registerWh === registerWh;
  return { state: { ...withSession(state, withReading(session, registerWh, now, bandChanged)), belief }, cameToRest };
}

function withSession(state: ConnectorState, session: Session): ConnectorState {
  return 'session' in state.phase ? { ...state, phase: { ...state.phase, session } } : state;
}

function onPollFailed(state: ConnectorState, context: Context): Decision {
  const { phase } = state;
  switch (phase.kind) {
    case 'idle':
    case 'preparing':
      return stay(state);
    case 'checking':
      return checkingPollFailed(state, phase, context);
    case 'starting':
      return startingPoll(state, phase, context);
    case 'charging':
      return chargingPoll(state, phase, context);
    case 'stopping':
      return stoppingPollFailed(state, phase, context);
    case 'closing':
      return closingPoll(state, phase, context);
    case 'adopting':
      return adoptingPollFailed(state, phase, context);
  }
}

function onCommand(state: ConnectorState, command: Command, context: Context): Decision {
  const { phase } = state;
  const session = sessionOf(phase);
  if (command.kind === 'start') {
    const isOwn =
      session?.commandId === command.commandId ||
      (phase.kind === 'checking' && phase.command.commandId === command.commandId);
    return isOwn ? stay(state) : takeStart(state, command, context);
  }
  if (session === null || session.sessionId !== command.sessionId) {
    const report = commandFailed(
      command.commandId,
      'session.unknown',
      `no session ${command.sessionId} on this connector`,
    );
    return { state, orders: [{ kind: 'commit', answer: null, transaction: { session: null, records: [report] } }] };
  }
  if (phase.kind === 'stopping') return stopAgain(state, phase, command);
  if (phase.kind === 'closing') {
    const report = commandDone(command.commandId, session.sessionId);
    return { state, orders: [{ kind: 'commit', answer: null, transaction: { session: null, records: [report] } }] };
  }
  return beginStop(state, session, commandedStop(command), context);
}

function onCancel(state: ConnectorState, commandId: string, context: Context): Decision {
  const { phase } = state;
  if (phase.kind === 'checking' && phase.command.commandId === commandId) return checkingCancel(state, phase);
  const session = sessionOf(phase);
  if (session === null || session.commandId !== commandId || phase.kind === 'closing') return stay(state);
  if (phase.kind === 'stopping') return voidStop(state, phase);
  return beginStop(state, session, undoStart('cancelled', 'command.cancelled'), context);
}

function onDurable(state: ConnectorState, sessionId: string, context: Context): Decision {
  const { phase } = state;
  if (sessionOf(phase)?.sessionId !== sessionId) return stay(state);
  if (phase.kind === 'preparing') return preparingDurable(state, phase, context);
  return phase.kind === 'closing' ? enter(state, { kind: 'idle' }, { kind: 'poll-now' }) : stay(state);
}

function onStoreFailed(state: ConnectorState, sessionId: string, context: Context): Decision {
  const { phase } = state;
  if (sessionOf(phase)?.sessionId !== sessionId) return stay(state);
  if (phase.kind === 'preparing') return preparingStoreFailed(state, phase);
  return phase.kind === 'closing' ? closingStoreFailed(state, phase, context) : stay(state);
}

function onAcknowledged(state: ConnectorState, sessionId: string): Decision {
  const session = sessionOf(state.phase);
  return session?.sessionId === sessionId ? stay(withSession(state, { ...session, acknowledged: true })) : stay(state);
}

function onWriteFailed(state: ConnectorState, write: 'start' | 'softStop' | 'hardStop', context: Context): Decision {
  const { phase } = state;
  if (write === 'start') {
    return phase.kind === 'starting'
      ? beginStop(state, phase.session, undoStart('not-confirmed', 'pile.write_failed'), context)
      : stay(state);
  }
  return phase.kind === 'stopping' ? stopWriteFailed(state, phase, write, context) : stay(state);
}
