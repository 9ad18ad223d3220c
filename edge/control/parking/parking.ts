import type { RecordOf } from '#shared/wire/records.ts';
import type { ParkingReading } from './reading.ts';

export type Move = 'raise' | 'lower';

/** What never changes about a lock or barrier while the process runs. */
export interface ParkingFacts {
  readonly pileId: string;
  /** The connector whose bay it guards. */
  readonly connectorId: string;
  readonly device: 'lock' | 'barrier';
  /** From a move's acceptance until the end must be seen. */
  readonly moveTimeoutMs: number;
}

/** The move that can hurt: an arm that comes up under a car, a boom that comes down on one. */
export const barringMove = ({ device }: ParkingFacts): Move => (device === 'lock' ? 'raise' : 'lower');
/**
 * A barring write that has waited longer than this does not go out: since the bay was seen empty a car may have come.
 * A freeing one waits as long as it has to.
 */
export const PROOF_LASTS_MS = 2000;
/** The move that opens the bay. It is safe at any time. */
export const freeingMove = ({ device }: ParkingFacts): Move => (device === 'lock' ? 'lower' : 'raise');
export const endOf = (move: Move): 'up' | 'down' => (move === 'raise' ? 'up' : 'down');

/** Why a command was not carried out. */
export type MoveFailure =
  /** A car stands there, or came while the device moved. */
  | 'bay-occupied'
  /** Nobody knows whether a car stands there. */
  | 'bay-unknown'
  /** The device is in fault; only freeing the bay is tried. */
  | 'faulted'
  /** Another command is under way. */
  | 'busy'
  | 'no-answer'
  /** The device understood, and says no. */
  | 'refused'
  /** It was told, and did not get there. */
  | 'end-not-reached'
  /** A later command took its place. */
  | 'superseded';

export type MoveResult = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly reason: MoveFailure };

export interface MoveCommand {
  readonly commandId: string;
  readonly move: Move;
  /** Who wants it, for the log. */
  readonly by: string;
}

/** What is being done. */
export type Task =
  /** A barring move waits for looks at the bay that were taken after it came in. */
  | {
      readonly kind: 'proving';
      readonly command: MoveCommand;
      readonly sinceMonoMs: number;
      readonly emptyLooks: number;
      readonly writes: number;
      /** An earlier write may have been taken though its answer was lost. */
      readonly mayMove: boolean;
    }
  | {
      readonly kind: 'moving';
      readonly move: Move;
      /** Null when nobody commanded it: the bay is freed after an obstacle, or because the position was not known. */
      readonly command: MoveCommand | null;
      readonly because: 'command' | 'obstacle' | 'power-up';
      readonly writes: number;
      /** A write before the present one may have been taken though its answer was lost. */
      readonly mayMove: boolean;
      /** When the device took it; null while the write is under way, or has failed. */
      readonly takenMonoMs: number | null;
      /** When a write that failed is made again; null while none has. */
      readonly retryMonoMs: number | null;
    };

/** `silent`: does not answer. `jammed`: did not reach an end. `not-detected`: tells something that has no meaning. */
export type ParkingFault = 'silent' | 'damaged' | 'jammed' | 'not-detected';

export interface ParkingState {
  /** The last good look; null before the first. */
  readonly reading: ParkingReading | null;
  readonly failuresInRow: number;
  /** The end that was seen last. */
  readonly lastEnd: 'up' | 'down' | null;
  /** Since when the device is between its ends without having been told to move. */
  readonly betweenSinceMonoMs: number | null;
  /** The move that did not reach its end; until it does, the device counts as jammed. */
  readonly unreached: Move | null;
  /** The next look is the first one, or the first after silence: the device may have lost power. */
  readonly isNew: boolean;
  readonly task: Task | null;
  readonly fault: ParkingFault | null;
}

export const newParking: ParkingState = {
  reading: null,
  failuresInRow: 0,
  lastEnd: null,
  betweenSinceMonoMs: null,
  unreached: null,
  isNew: true,
  task: null,
  fault: null,
};

export type ParkingEvent =
  /** `requestedMonoMs`: when the device was asked, so that nothing is proven by an older look. */
  | { readonly kind: 'reading'; readonly reading: ParkingReading; readonly requestedMonoMs: number }
  | { readonly kind: 'read-failed' }
  | { readonly kind: 'command'; readonly command: MoveCommand }
  | { readonly kind: 'written'; readonly move: Move }
  /** `refused`: the device said no, so it does not move. Otherwise nobody knows whether it took the command. */
  | { readonly kind: 'write-failed'; readonly move: Move; readonly refused: boolean }
  /** The write has not gone out, and will not. */
  | { readonly kind: 'write-withdrawn'; readonly move: Move }
  | { readonly kind: 'tick' };

export type ParkingOrder =
  | { readonly kind: 'query' }
  | { readonly kind: 'write'; readonly move: Move }
  | { readonly kind: 'record'; readonly record: RecordOf<'alarm.raised'> }
  | { readonly kind: 'result'; readonly command: MoveCommand; readonly result: MoveResult };

export interface ParkingDecision {
  readonly state: ParkingState;
  readonly orders: readonly ParkingOrder[];
}

export interface ParkingContext {
  readonly facts: ParkingFacts;
  readonly nowMonoMs: number;
  readonly newId: () => string;
}

/**
 * Whether no charge may begin at the connector: the device is in fault, or nobody has seen it yet. A charge that runs is
 * not touched by it.
 */
export const blocksConnector = (state: ParkingState): boolean => state.fault !== null || state.reading === null;

/** Whether the device may be on its way to bar the bay: told to, or told and its answer was lost. */
export function mayBeBarring({ task }: ParkingState, facts: ParkingFacts): boolean {
  if (task === null) return false;
  return task.kind === 'proving' ? task.mayMove : task.move === barringMove(facts);
}

/**
 * The position to tell others. When it cannot be detected, the one that bars nobody; when the device is jammed, the end
 * that was seen last. YKC platform protocol, frame 61.
 */
export function positionToReport(state: ParkingState, facts: ParkingFacts): 'up' | 'down' | 'moving' {
  const { fault, reading, lastEnd } = state;
  const free = endOf(freeingMove(facts));
  if (reading === null || fault === 'silent' || reading.position === 'unknown') return free;
  return fault === 'jammed' ? (lastEnd ?? free) : reading.position;
}

export const stay = (state: ParkingState): ParkingDecision => ({ state, orders: [] });
