/** A full travel of an arm or boom between its two ends, in ms. */
export const TRAVEL_MS = 3000;

/** An arm or boom between two ends, moved by a motor. Pure state. */
export interface Travel {
  /** How far it is from its lower end, in ms of travel: 0 is down, `TRAVEL_MS` is up. */
  readonly positionMs: number;
  readonly target: 'up' | 'down';
  /** When the motor started; `undefined` while it stands. */
  readonly motorSinceMs: number | undefined;
  /** The end was not reached within the motor's time limit. */
  readonly failed: boolean;
}

/** What acts on it during one slice that ends at `nowMs`. */
export interface TravelInput {
  readonly nowMs: number;
  readonly dtMs: number;
  /** The mechanism does not move. */
  readonly jammed: boolean;
  /** Nothing gets above this position from below it, e.g. because of a car; `undefined` when the way is free. */
  readonly blockedAboveMs: number | undefined;
  /** The motor gives up after this time. */
  readonly motorLimitMs: number;
}

/** At rest at its lower end. */
export const RESTING_DOWN: Travel = { positionMs: 0, target: 'down', motorSinceMs: undefined, failed: false };

/** The position of the end called `target`. */
export function endOf(target: Travel['target']): number {
  return target === 'up' ? TRAVEL_MS : 0;
}

/** Starts the motor towards `target`, also from mid-travel; nothing moves when the end is there already. */
export function moveTo(travel: Travel, target: Travel['target'], nowMs: number): Travel {
  if (travel.positionMs === endOf(target)) return { ...travel, target, motorSinceMs: undefined, failed: false };
  return { ...travel, target, motorSinceMs: nowMs };
}

/** After one slice. */
export function stepTravel(travel: Travel, input: TravelInput): Travel {
  if (travel.motorSinceMs === undefined) return travel;
  const positionMs = input.jammed ? travel.positionMs : moved(travel, input);
  if (positionMs === endOf(travel.target)) return { ...travel, positionMs, motorSinceMs: undefined, failed: false };
  if (input.nowMs - travel.motorSinceMs < input.motorLimitMs) return { ...travel, positionMs };
  return { ...travel, positionMs, motorSinceMs: undefined, failed: true };
}

function moved({ positionMs, target }: Travel, { dtMs, blockedAboveMs }: TravelInput): number {
  if (target === 'down') return Math.max(0, positionMs - dtMs);
  const blocked = blockedAboveMs !== undefined && positionMs <= blockedAboveMs;
  return Math.min(blocked ? blockedAboveMs : TRAVEL_MS, positionMs + dtMs);
}
