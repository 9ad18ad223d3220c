import type { BootClock } from '#shared/stamp.ts';
import type { Command } from '#shared/wire/messages.ts';
import { adoptingPollFailed, adoptingReading } from './adopt.ts';
import {
  chargingInfluenced,
  chargingPoll,
  chargingSetUp,
  limitWriteFailed,
  limitWritten,
  startAgain,
} from './charge.ts';
import {
  type ConnectorEvent,
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  note,
  type OfferingWrite,
  type Phase,
  record,
  sessionOf,
  stay,
  type Told,
} from './connector.ts';
import { noticeDevice } from './device.ts';
import type { Influence } from './influence.ts';
import { notice, tripped } from './interlocks.ts';
import { limitsFor } from './limits.ts';
import { maintain, maintenanceWriteFailed, maintenanceWritten, takeMaintain } from './maintain.ts';
import { takeRaiseHold } from './raise-hold.ts';
import { delivers, type Reading } from './reading.ts';
import { repairSession } from './repair-session.ts';
import { commandDone, commandFailed } from './report.ts';
import { releaseHold, takeCancelReservation, takeReserve, watchHold, withdrawHold } from './reserve.ts';
import { resetLatches } from './reset.ts';
import { type SetUpResult, withResult } from './set-up.ts';
import {
  begin,
  checkingCancel,
  checkingPollFailed,
  checkingReading,
  preparingDurable,
  preparingPoll,
  preparingStoreFailed,
  refuseChecking,
  startingPoll,
  startWriteFailed,
  takeStart,
} from './start.ts';
import {
  beginStop,
  closingPoll,
  closingStoreFailed,
  commandedStop,
  demandedStop,
  stopAgain,
  stopHarder,
  stopOnSite,
  stoppingPollFailed,
  stoppingReading,
  stopWriteFailed,
  stopWritten,
  undoStart,
  voidStop,
} from './stop.ts';
import { strayReading } from './stray.ts';
import { takeRegister, withSession } from './take-register.ts';
import { occupancyEnds, occupancyRestamped, stillOccupied } from './watch-occupancy.ts';

type Closing = Extract<Phase, { kind: 'closing' }>;

/**
 * The whole mind of a connector: what it is, what happened, what to do about it. Pure and synchronous; every fresh
 * reading is judged here at once.
 */
export function decide(state: ConnectorState, event: ConnectorEvent, context: Context): Decision {
  switch (event.kind) {
    case 'reading':
      return thenWatchHold(onReading(state, event.reading, event.requestedMonoMs, context), context);
    case 'poll-failed':
      return thenWatchHold(onPollFailed({ ...state, reading: null, isHeard: event.heard }, context), context);
    case 'command':
      return afterHold(state, context, (watched) => onCommand(watched, event.command, context));
    case 'begin':
      return afterHold(state, context, (watched) => begin(watched, event.wish, event.withinMs, context));
    case 'end':
      return onEnd(state, event, context);
    case 'cancel':
      return onCancel(state, event.commandId, context);
    case 'durable':
      return onDurable(state, event.sessionId, context);
    case 'store-failed':
      return onStoreFailed(state, event.sessionId, context);
    case 'acknowledged':
      return onAcknowledged(state, event.id);
    case 'store-replaced':
      return storedAgain(state, context);
    case 'written':
      return onWritten(state, event, context);
    case 'write-failed':
      return onWriteFailed(state, event, context);
    case 'superseded':
      return onSuperseded(state, event.write);
    case 'influenced':
      return onInfluenced({ ...state, influence: event.influence }, event.influence, context);
    case 'set-up':
      return onSetUp(state, event.result, context);
    case 'clock':
      return onClock(state, event.clock);
    case 'reset':
      return resetLatches(state, context);
    case 'release':
      return releaseHold(state, event.by, event.why, context);
    case 'maintain':
      return maintain(state, event.wish, context);
  }
}

function thenWatchHold({ state, orders }: Decision, context: Context): Decision {
  const watched = watchHold(state, context);
  return { state: watched.state, orders: [...orders, ...watched.orders] };
}

/** What is over by now stands in nobody's way, though no look at the pile has come since. */
function afterHold(before: ConnectorState, context: Context, next: (state: ConnectorState) => Decision): Decision {
  const watched = watchHold(before, context);
  const { state, orders } = next(watched.state);
  return { state, orders: [...watched.orders, ...orders] };
}

/** Times that were taken while less was known of the clock are shifted as a whole. */
function onClock(state: ConnectorState, clock: BootClock): Decision {
  const occupied = occupancyRestamped(state, clock);
  const session = sessionOf(state.phase);
  if (session === null || state.phase.kind === 'closing') return occupied;
  const repaired = repairSession(session, clock);
  if (repaired === session) return occupied;
  const { state: next, orders } = stored(stay(withSession(occupied.state, repaired)));
  return { state: next, orders: [...occupied.orders, ...orders] };
}

function onReading(before: ConnectorState, reading: Reading, requestedMonoMs: number, context: Context): Decision {
  const { now } = context;
  const interlocks = notice(before.interlocks, reading, limitsFor(before, context), now.monoMs);
  const seen: ConnectorState = {
    ...before,
    interlocks,
    reading,
    readingMonoMs: now.monoMs,
    readingWallMs: now.wallMs,
    isHeard: true,
    hadSetUp: before.setUp.result === 'taken',
    countedThisPlug: before.countedThisPlug && reading.status !== 'unplugged',
  };
  const known = noticeDevice(seen, reading, context);
  const occupied = stillOccupied(known.state, context);
  const { state, cameToRest, mustStore } = takeRegister(occupied.state, context);
  const decision = judgeReading(state, { requestedMonoMs, cameToRest }, context);
  const { state: next, orders } = mustStore ? stored(decision) : decision;
  const left = occupancyEnds(next);
  return { state: left.state, orders: [...orders, ...known.orders, ...occupied.orders, ...left.orders] };
}

function judgeReading(
  state: ConnectorState,
  look: { requestedMonoMs: number; cameToRest: boolean },
  context: Context,
): Decision {
  const { phase } = state;
  switch (phase.kind) {
    case 'idle':
      return strayReading(state, context);
    case 'preparing':
      return preparingPoll(state, phase, context);
    case 'checking':
      return checkingReading(state, phase, look.requestedMonoMs, context);
    case 'starting':
      return startingPoll(state, phase, context);
    case 'charging':
      return chargingPoll(state, phase, context);
    case 'stopping':
      return onStoppingReading(state, look, context);
    case 'closing':
      return closingReading(state, phase, context);
    case 'adopting':
      return adoptingReading(state, phase, context);
  }
}

/** A record that waits for the disk does not leave its pile unwatched: what it delivers now belongs to nobody. */
function closingReading(before: ConnectorState, phase: Closing, context: Context): Decision {
  const { state, orders } = strayReading(before, context);
  const closing = closingPoll(state, phase, context);
  return { state: closing.state, orders: [...orders, ...closing.orders] };
}

/** A stop that is under way is judged like a charge: what is graver than its cause makes it harder. */
function onStoppingReading(
  state: ConnectorState,
  look: { requestedMonoMs: number; cameToRest: boolean },
  context: Context,
): Decision {
  const { phase, reading } = state;
  if (phase.kind !== 'stopping') return stay(state);
  const isFlowing = reading !== null && delivers(reading);
  const found = isFlowing ? tripped(state.interlocks, reading, limitsFor(state, context), context.now.monoMs) : null;
  if (found === null) return stoppingReading(state, phase, look, context);
  const harder = stopHarder(state, phase, found, true, context);
  if (harder.state.phase.kind !== 'stopping') return harder;
  const { state: next, orders } = stoppingReading(harder.state, harder.state.phase, look, context);
  return { state: next, orders: [...harder.orders, ...orders] };
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
  const isNew = result === 'taken' && before.setUp.result !== 'taken';
  if (state.phase.kind === 'charging') {
    // The first set-up of a process does not say that the pile has restarted, unless the power was away from both.
    const isLost = before.setUp.wasTaken || state.phase.session.resumed?.bootId === context.now.bootId;
    return chargingSetUp(state, state.phase, { isNew, isLost }, context);
  }
  return state.phase.kind === 'checking' ? enter(state, state.phase, { kind: 'poll-now' }) : stay(state);
}

function onPollFailed(state: ConnectorState, context: Context): Decision {
  const { phase } = state;
  switch (phase.kind) {
    case 'idle':
      return stay(state);
    case 'preparing':
      return preparingPoll(state, phase, context);
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
  if (command.kind === 'maintain') return takeMaintain(state, command, context);
  if (command.kind === 'raise-hold') return takeRaiseHold(state, command);
  if (command.kind === 'reserve') return takeReserve(state, command, context);
  if (command.kind === 'cancel-reservation') return takeCancelReservation(state, command, context);
  const { phase } = state;
  const session = sessionOf(phase);
  if (command.kind === 'start') {
    const isOwn =
      session?.commandId === command.commandId ||
      (phase.kind === 'checking' && phase.wish.commandId === command.commandId);
    return isOwn ? stay(state) : takeStart(state, command, context);
  }
  if (session === null || session.sessionId !== command.sessionId) {
    const report = commandFailed(
      command.commandId,
      'session.unknown',
      `no session ${command.sessionId} on this connector`,
    );
    return { state, orders: [note({ records: [report] })] };
  }
  if (phase.kind === 'stopping') return stopAgain(state, phase, command);
  if (phase.kind === 'closing') {
    const report = commandDone(command.commandId, session.sessionId);
    return { state, orders: [note({ records: [report] })] };
  }
  return beginStop(state, session, commandedStop(command), context);
}

/** Somebody on site ends the charge that he means, and no other. */
function onEnd(
  state: ConnectorState,
  { requestId, by }: Extract<ConnectorEvent, { kind: 'end' }>,
  context: Context,
): Decision {
  const { phase } = state;
  if (phase.kind === 'checking' && phase.wish.requestId === requestId) return checkingCancel(state, phase);
  const session = sessionOf(phase);
  const isEnding = phase.kind === 'stopping' || phase.kind === 'closing';
  if (session === null || session.requestId !== requestId || isEnding) return stay(state);
  return beginStop(state, session, stopOnSite(by), context);
}

function onCancel(state: ConnectorState, commandId: string, context: Context): Decision {
  const { phase, reservation } = state;
  if (reservation?.commandId === commandId) return withdrawHold(state, context);
  if (phase.kind === 'checking' && phase.wish.commandId === commandId) return checkingCancel(state, phase);
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

function onAcknowledged(state: ConnectorState, id: string): Decision {
  const { reservation } = state;
  if (reservation?.reservationId === id) return stay({ ...state, reservation: { ...reservation, acknowledged: true } });
  const session = sessionOf(state.phase);
  return session?.sessionId === id ? stay(withSession(state, { ...session, acknowledged: true })) : stay(state);
}

/** Everything that is known, for a store that may know less. */
function storedAgain(state: ConnectorState, { facts }: Context): Decision {
  const { phase, latched, service, device, occupancy, reservation } = state;
  const { connectorId } = facts;
  // One that is on its way to the disk, at its begin or its end, is offered by itself.
  const session = phase.kind === 'closing' || phase.kind === 'preparing' ? null : sessionOf(phase);
  const order = session === null ? note({}) : record(session);
  const transaction = {
    ...order.transaction,
    latched: { connectorId, faults: latched },
    service: { connectorId, service },
    ...(device === null ? {} : { device: { connectorId, device } }),
    ...(occupancy === null || phase.kind === 'closing' ? {} : { occupancy: { connectorId, occupancy } }),
    ...(reservation === null ? {} : { reservation: { connectorId, reservation } }),
  };
  return { state, orders: [{ ...order, transaction }] };
}

function onWritten(state: ConnectorState, told: Told, context: Context): Decision {
  const { phase } = state;
  if (told.write === 'reboot' || told.write === 'unlock') return maintenanceWritten(state, told.write, context);
  if (told.write === 'start' || told.write === 'limit') {
    if (phase.kind === 'charging') return limitWritten(state, phase, told.limitMa, context);
    return enter(state, phase, { kind: 'poll-now' });
  }
  if (phase.kind !== 'stopping') return enter(state, phase, { kind: 'poll-now' });
  return stopWritten(state, phase, told.write, context);
}

function onWriteFailed(state: ConnectorState, told: Told, context: Context): Decision {
  const { phase } = state;
  if (told.write === 'reboot' || told.write === 'unlock') return maintenanceWriteFailed(state, told.write);
  if (told.write === 'start' || told.write === 'limit') {
    if (phase.kind === 'charging') return limitWriteFailed(state, phase, told, context);
    return phase.kind === 'starting' && told.write === 'start' ? startWriteFailed(state, phase, context) : stay(state);
  }
  return phase.kind === 'stopping' ? stopWriteFailed(state, phase, told.write, context) : stay(state);
}

/** What took its place has an outcome of its own; only a start may contain more than that. */
function onSuperseded(state: ConnectorState, write: OfferingWrite): Decision {
  const { phase } = state;
  return write === 'start' && phase.kind === 'charging' ? startAgain(state, phase) : stay(state);
}

/** The surroundings say something else. What they demand of a charge is done at once; a start is judged when it goes on. */
function onInfluenced(state: ConnectorState, { stop, grantMa }: Influence, context: Context): Decision {
  const { phase } = state;
  if (phase.kind === 'charging') return chargingInfluenced(state, phase, context);
  // A start may have been waiting for its share of the supply.
  const isWaiting = phase.kind === 'checking' && grantMa !== null;
  if (stop === null) return isWaiting ? enter(state, phase, { kind: 'poll-now' }) : stay(state);
  if (phase.kind === 'starting' || phase.kind === 'adopting')
    return beginStop(state, phase.session, demandedStop(stop, phase.session), context);
  if (phase.kind === 'stopping') return stopHarder(state, phase, stop, false, context);
  return phase.kind === 'checking' ? refuseChecking(state, phase, stop) : stay(state);
}
