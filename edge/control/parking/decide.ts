import { faultAlarm, faultOf, SILENT_AFTER_FAILURES } from './fault.ts';
import {
  freeAtPowerUp,
  movingReading,
  overdue,
  provingReading,
  takeCommand,
  withdrawn,
  writeFailed,
  written,
} from './move.ts';
import {
  endOf,
  type ParkingContext,
  type ParkingDecision,
  type ParkingEvent,
  type ParkingState,
  stay,
} from './parking.ts';
import type { ParkingReading } from './reading.ts';

/**
 * The whole mind of a ground lock or barrier: what it is, what happened, what to do about it. Pure and synchronous.
 *
 * It bars a bay only after two looks in a row, asked for after the command, that show it empty; it frees the bay when
 * something comes in the way, and at power-up when the position is not known.
 */
export function decideParking(state: ParkingState, event: ParkingEvent, context: ParkingContext): ParkingDecision {
  const { state: seen, isPowerUp } = take(state, event, context);
  const before: ParkingState = { ...seen, fault: faultOf(seen, context) };
  const decided = decideOn(before, event, isPowerUp, context);
  const fault = faultOf(decided.state, context);
  const alarms =
    fault === null || fault === state.fault ? [] : [{ kind: 'record' as const, record: faultAlarm(fault, context) }];
  return { state: { ...decided.state, fault }, orders: [...decided.orders, ...alarms] };
}

function decideOn(
  state: ParkingState,
  event: ParkingEvent,
  isPowerUp: boolean,
  context: ParkingContext,
): ParkingDecision {
  const { task } = state;
  switch (event.kind) {
    case 'reading':
      if (isPowerUp && task?.kind !== 'moving' && isStranded(event.reading)) return freeAtPowerUp(state, context);
      if (task === null) return stay(state);
      if (task.kind === 'proving') return provingReading(state, task, event, context);
      return movingReading(state, task, event, context);
    case 'read-failed':
    case 'tick':
      return overdue(state, context);
    case 'command':
      return takeCommand(state, event.command, context);
    case 'written':
      return isAwaited(state, event.move) ? written(state, state.task, context) : stay(state);
    case 'write-withdrawn':
      return isAwaited(state, event.move) ? withdrawn(state, state.task, context) : stay(state);
    case 'write-failed':
      return isAwaited(state, event.move) ? writeFailed(state, state.task, event.refused, context) : stay(state);
  }
}

type Awaiting = ParkingState & { readonly task: Extract<ParkingState['task'], { kind: 'moving' }> };

/** The outcome of a write that another one has taken the place of changes nothing. */
const isAwaited = (state: ParkingState, move: string): state is Awaiting =>
  state.task?.kind === 'moving' &&
  state.task.move === move &&
  state.task.takenMonoMs === null &&
  state.task.retryMonoMs === null;

const isEnd = (position: ParkingReading['position']): position is 'up' | 'down' =>
  position === 'up' || position === 'down';

/** Between its ends, and able to leave: a damaged device refuses every move. */
const isStranded = ({ position, alarm }: ParkingReading): boolean => !isEnd(position) && alarm !== 'damaged';

/** Puts what was seen into the state, before anything is decided. */
function take(
  state: ParkingState,
  event: ParkingEvent,
  { nowMonoMs }: ParkingContext,
): { state: ParkingState; isPowerUp: boolean } {
  if (event.kind === 'read-failed') {
    const failuresInRow = state.failuresInRow + 1;
    const task = state.task?.kind === 'proving' ? { ...state.task, emptyLooks: 0 } : state.task;
    const isNew = state.isNew || failuresInRow >= SILENT_AFTER_FAILURES;
    return { state: { ...state, task, failuresInRow, isNew }, isPowerUp: false };
  }
  if (event.kind !== 'reading') return { state, isPowerUp: false };
  const { reading } = event;
  const { position } = reading;
  const end = isEnd(position) ? position : null;
  const isReached = state.unreached !== null && position === endOf(state.unreached) && reading.alarm === 'none';
  const seen: ParkingState = {
    ...state,
    reading,
    failuresInRow: 0,
    isNew: false,
    lastEnd: end ?? state.lastEnd,
    unreached: isReached ? null : state.unreached,
    betweenSinceMonoMs: end === null && state.task === null ? (state.betweenSinceMonoMs ?? nowMonoMs) : null,
  };
  return { state: seen, isPowerUp: state.isNew };
}
