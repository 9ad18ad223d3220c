import { obstacleAlarm, SILENT_AFTER_FAILURES } from './fault.ts';
import {
  barringMove,
  endOf,
  freeingMove,
  type MoveCommand,
  type MoveFailure,
  type MoveResult,
  type ParkingContext,
  type ParkingDecision,
  type ParkingOrder,
  type ParkingState,
  stay,
  type Task,
} from './parking.ts';
import type { ParkingReading } from './reading.ts';

export type Proving = Extract<Task, { kind: 'proving' }>;
export type Moving = Extract<Task, { kind: 'moving' }>;

/** One look can be wrong: an 8-bit checksum passes one damaged frame in 256. */
const EMPTY_LOOKS_NEEDED = 2;
const PROVE_WITHIN_MS = 10_000;
const MOST_WRITES = 3;
const WRITE_AGAIN_AFTER_MS = 1000;

const resultOf = (command: MoveCommand | null, result: MoveResult): ParkingOrder[] =>
  command === null ? [] : [{ kind: 'result', command, result }];

function end(state: ParkingState, task: Task, result: MoveResult): ParkingDecision {
  return { state: { ...state, task: null }, orders: resultOf(task.command, result) };
}
const fail = (state: ParkingState, task: Task, reason: MoveFailure): ParkingDecision =>
  end(state, task, { kind: 'failed', reason });

/** A task that writes for the first time, or again. */
function write(state: ParkingState, task: Moving): ParkingDecision {
  const writing: Moving = { ...task, writes: task.writes + 1, takenMonoMs: null, retryMonoMs: null };
  return { state: { ...state, task: writing }, orders: [{ kind: 'write', move: task.move }] };
}
const moving = (part: Pick<Moving, 'move' | 'command' | 'because'> & Partial<Moving>): Moving => ({
  kind: 'moving',
  writes: 0,
  mayMove: false,
  takenMonoMs: null,
  retryMonoMs: null,
  ...part,
});

/** Frees the bay, without anybody's command. */
function free(state: ParkingState, because: 'obstacle' | 'power-up', context: ParkingContext): ParkingDecision {
  return write(state, moving({ move: freeingMove(context.facts), command: null, because }));
}

/** An arm between its ends after a loss of power may lie under a car's floor: down with it. */
export function freeAtPowerUp(state: ParkingState, context: ParkingContext): ParkingDecision {
  const decision = free(state, 'power-up', context);
  const results = resultOf(state.task?.command ?? null, { kind: 'failed', reason: 'faulted' });
  return { state: decision.state, orders: [...decision.orders, ...results] };
}

/**
 * Something is in the way of a barring move, or nobody can see that nothing is: free the bay, once, and tell. A fault
 * of the device has an alarm of its own.
 */
function retreat(state: ParkingState, task: Task, reason: MoveFailure, context: ParkingContext): ParkingDecision {
  const { state: after, orders } = free(state, 'obstacle', context);
  const alarms: ParkingOrder[] =
    state.fault === null ? [{ kind: 'record', record: obstacleAlarm(reason, context) }] : [];
  return { state: after, orders: [...orders, ...alarms, ...resultOf(task.command, { kind: 'failed', reason })] };
}

/** A command comes in. Freeing the bay is never refused: a person who stands there must get the car out. */
export function takeCommand(state: ParkingState, command: MoveCommand, context: ParkingContext): ParkingDecision {
  const { task } = state;
  const refuse = (reason: MoveFailure): ParkingDecision => ({
    state,
    orders: resultOf(command, { kind: 'failed', reason }),
  });
  if (command.move === freeingMove(context.facts)) {
    const decision = write(state, moving({ move: command.move, command, because: 'command' }));
    const superseded = resultOf(task?.command ?? null, { kind: 'failed', reason: 'superseded' });
    return { state: decision.state, orders: [...decision.orders, ...superseded] };
  }
  if (task !== null) return refuse('busy');
  if (state.fault !== null) return refuse('faulted');
  const sinceMonoMs = context.nowMonoMs;
  return {
    state: { ...state, task: { kind: 'proving', command, sinceMonoMs, emptyLooks: 0, writes: 0, mayMove: false } },
    orders: [{ kind: 'query' }],
  };
}

/** A barring move is not made. If an earlier write of it may have been taken, the device may be moving all the same. */
const giveUp = (state: ParkingState, task: Proving, reason: MoveFailure, context: ParkingContext): ParkingDecision =>
  task.mayMove ? retreat(state, task, reason, context) : fail(state, task, reason);

export function provingReading(
  state: ParkingState,
  task: Proving,
  look: { readonly reading: ParkingReading; readonly requestedMonoMs: number },
  context: ParkingContext,
): ParkingDecision {
  const { bay, position } = look.reading;
  if (bay !== 'empty') return giveUp(state, task, bay === 'car' ? 'bay-occupied' : 'bay-unknown', context);
  if (state.fault !== null) return giveUp(state, task, 'faulted', context);
  if (look.requestedMonoMs < task.sinceMonoMs) return stay(state);
  if (position === endOf(task.command.move)) return end(state, task, { kind: 'done' });
  const emptyLooks = task.emptyLooks + 1;
  if (emptyLooks < EMPTY_LOOKS_NEEDED) return overdue({ ...state, task: { ...task, emptyLooks } }, context);
  const { command, writes, mayMove } = task;
  return write(state, moving({ move: command.move, command, because: 'command', writes, mayMove }));
}

export function movingReading(
  state: ParkingState,
  task: Moving,
  look: { readonly reading: ParkingReading; readonly requestedMonoMs: number },
  context: ParkingContext,
): ParkingDecision {
  const { bay, position, alarm } = look.reading;
  if (task.move === barringMove(context.facts)) {
    if (bay !== 'empty') return retreat(state, task, bay === 'car' ? 'bay-occupied' : 'bay-unknown', context);
    if (alarm !== 'none') return retreat(state, task, 'end-not-reached', context);
  }
  const isProof = task.takenMonoMs !== null && look.requestedMonoMs >= task.takenMonoMs;
  if (isProof && position === endOf(task.move)) return end({ ...state, unreached: null }, task, { kind: 'done' });
  return overdue(state, context);
}

/** The device has taken the command: from now on it has to get there. */
export function written(state: ParkingState, task: Moving, context: ParkingContext): ParkingDecision {
  return {
    state: { ...state, task: { ...task, takenMonoMs: context.nowMonoMs, retryMonoMs: null } },
    orders: [{ kind: 'query' }],
  };
}

export function writeFailed(
  state: ParkingState,
  task: Moving,
  refused: boolean,
  context: ParkingContext,
): ParkingDecision {
  const { nowMonoMs } = context;
  const isLast = task.writes >= MOST_WRITES;
  if (task.move !== barringMove(context.facts) || task.command === null) {
    if (!isLast) return stay({ ...state, task: { ...task, retryMonoMs: nowMonoMs + WRITE_AGAIN_AFTER_MS } });
    return fail({ ...state, unreached: task.move }, task, refused ? 'refused' : 'no-answer');
  }
  if (refused) return task.mayMove ? retreat(state, task, 'refused', context) : fail(state, task, 'refused');
  return isLast ? retreat(state, task, 'no-answer', context) : proveAgain(state, task, task.command, true, context);
}

/** A barring write that has not gone out moves nothing; it counts as one of the attempts. */
export function withdrawn(state: ParkingState, task: Moving, context: ParkingContext): ParkingDecision {
  const { command, mayMove, writes } = task;
  if (command !== null && writes < MOST_WRITES) return proveAgain(state, task, command, mayMove, context);
  return mayMove ? retreat(state, task, 'no-answer', context) : fail(state, task, 'no-answer');
}

function proveAgain(
  state: ParkingState,
  { writes }: Moving,
  command: MoveCommand,
  mayMove: boolean,
  { nowMonoMs }: ParkingContext,
): ParkingDecision {
  const proving: Proving = { kind: 'proving', command, sinceMonoMs: nowMonoMs, emptyLooks: 0, writes, mayMove };
  return { state: { ...state, task: proving }, orders: [{ kind: 'query' }] };
}

/** What time alone brings about: a write is made again, a bay is not proven empty in time, an end is not reached. */
export function overdue(state: ParkingState, context: ParkingContext): ParkingDecision {
  const { task } = state;
  if (task === null) return stay(state);
  const { nowMonoMs, facts } = context;
  const isSilent = state.failuresInRow >= SILENT_AFTER_FAILURES;
  if (task.kind === 'proving') {
    if (isSilent) return giveUp(state, task, 'no-answer', context);
    return nowMonoMs - task.sinceMonoMs >= PROVE_WITHIN_MS ? giveUp(state, task, 'bay-unknown', context) : stay(state);
  }
  if (task.retryMonoMs !== null && nowMonoMs >= task.retryMonoMs) return write(state, task);
  const isBarring = task.move === barringMove(facts);
  if (isBarring && isSilent) return retreat(state, task, 'no-answer', context);
  if (task.takenMonoMs === null || nowMonoMs - task.takenMonoMs < facts.moveTimeoutMs) return stay(state);
  if (isBarring) return retreat(state, task, 'end-not-reached', context);
  if (task.because !== 'obstacle' && task.writes < MOST_WRITES) return write(state, task);
  return fail({ ...state, unreached: task.move }, task, isSilent ? 'no-answer' : 'end-not-reached');
}
