import type { Command } from '#shared/wire/messages.ts';
import { adoptingPollFailed, adoptingReading } from './adopt.ts';
import { chargingPoll } from './charge.ts';
import {
  type ConnectorEvent,
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  record,
  sessionOf,
  stay,
} from './connector.ts';
import type { Reading } from './reading.ts';
import { commandDone, commandFailed } from './report.ts';
import { resetLatches } from './reset.ts';
import { type SetUpResult, withResult } from './set-up.ts';
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
import { takeRegister, withSession } from './take-register.ts';

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
    case 'blocked':
      return stay({ ...state, blockedBy: event.by });
    case 'set-up':
      return onSetUp(state, event.result, context);
    case 'reset':
      return resetLatches(state, context);
  }
}

function onReading(before: ConnectorState, reading: Reading, requestedMonoMs: number, context: Context): Decision {
  const { now } = context;
  const seen: ConnectorState = { ...before, reading, readingMonoMs: now.monoMs, readingWallMs: now.wallMs };
  const { state, cameToRest, mustStore } = takeRegister(seen, context);
  const decision = judgeReading(state, { requestedMonoMs, cameToRest }, context);
  return mustStore ? stored(decision) : decision;
}

function judgeReading(
  state: ConnectorState,
  look: { requestedMonoMs: number; cameToRest: boolean },
  context: Context,
): Decision {
  const { phase } = state;
  switch (phase.kind) {
    case 'idle':
      return idleReading(state, context);
    case 'preparing':
      return stay(state);
    case 'checking':
      return checkingReading(state, phase, look.requestedMonoMs, context);
    case 'starting':
      return startingPoll(state, phase, context);
    case 'charging':
      return chargingPoll(state, phase, context);
    case 'stopping':
      return stoppingReading(state, phase, look, context);
    case 'closing':
      return closingPoll(state, phase, context);
    case 'adopting':
      return adoptingReading(state, phase, context);
  }
}

/** Orders the session to be stored as well, last, unless it is on its way to the disk already or not there yet. */
function stored(decision: Decision): Decision {
  const { state, orders } = decision;
  const { phase } = state;
  const isUnderWay = phase.kind === 'starting' || phase.kind === 'charging' || phase.kind === 'stopping';
  const isOrdered = orders.some((order) => order.kind === 'commit' && order.transaction.session !== null);
  return isUnderWay && !isOrdered ? { state, orders: [...orders, record(phase.session)] } : decision;
}

/** A start that waits for the set-up is looked at again at once. */
function onSetUp(before: ConnectorState, result: SetUpResult, context: Context): Decision {
  const state = { ...before, setUp: withResult(before.setUp, result, context.now.monoMs) };
  return state.phase.kind === 'checking' ? enter(state, state.phase, { kind: 'poll-now' }) : stay(state);
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
