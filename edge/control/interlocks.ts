import type { FaultCode } from '#shared/faults.ts';
import { faultIn, type Reading } from './reading.ts';

/** Limits of one charge. They come from the profile; configuration can only tighten them. */
export interface InterlockLimits {
  readonly limitMa: number;
  readonly overTemperatureDc: number | null;
}

/** Since when a condition has been there, on the monotonic clock; null while it is not. */
export interface InterlockState {
  readonly overCurrentSinceMs: number | null;
  readonly gunRemovedSinceMs: number | null;
  readonly lastReadingMs: number;
  /** When the current was told last. */
  readonly lastCurrentMs: number;
}

/** GB/T 18487.1 A.3.10.7: more than 1.1 times the rated current, here of the offer, for 2 s. */
const OVER_CURRENT_RATIO = 1.1;
const OVER_CURRENT_DEBOUNCE_MS = 2000;
/** A contact that opens for less than this is a bounce, not an unplugged gun (GB/T 18487.1 state 1′ to 1). */
const GUN_REMOVED_DEBOUNCE_MS = 1000;
/** Data older than this is missing data, and missing data is unsafe. */
export const COMMUNICATION_LOST_AFTER_MS = 5000;

export const freshInterlocks = (nowMonoMs: number): InterlockState => ({
  overCurrentSinceMs: null,
  gunRemovedSinceMs: null,
  lastReadingMs: nowMonoMs,
  lastCurrentMs: nowMonoMs,
});

/** Notes that the pile has been heard, and whether it told its current. */
export const heard = (state: InterlockState, reading: Reading, nowMonoMs: number): InterlockState => ({
  ...state,
  lastReadingMs: nowMonoMs,
  lastCurrentMs: reading.currentMa === null ? state.lastCurrentMs : nowMonoMs,
});

const since = (isThere: boolean, before: number | null, nowMonoMs: number) => (isThere ? (before ?? nowMonoMs) : null);
const longerThan = (sinceMs: number | null, ms: number, nowMonoMs: number) =>
  sinceMs !== null && nowMonoMs - sinceMs >= ms;

/** What is wrong when the last that was told is too old to be relied on. */
function tooOld({ lastReadingMs, lastCurrentMs }: InterlockState, nowMonoMs: number): FaultCode | null {
  if (longerThan(lastReadingMs, COMMUNICATION_LOST_AFTER_MS, nowMonoMs)) return 'communication-lost';
  return longerThan(lastCurrentMs, COMMUNICATION_LOST_AFTER_MS, nowMonoMs) ? 'measurement-missing' : null;
}

/**
 * Judges one poll of a connector that may deliver. `reading` is null when the poll failed.
 * Built in: no configuration and no rule can switch it off.
 *
 * @returns the fault that stops the charge, the gravest first, or null
 */
export function evaluateInterlocks(
  state: InterlockState,
  reading: Reading | null,
  limits: InterlockLimits,
  nowMonoMs: number,
): { state: InterlockState; tripped: FaultCode | null } {
  if (reading === null) return { state, tripped: tooOld(state, nowMonoMs) };
  const isTold = reading.currentMa !== null;
  const isOverCurrent = (reading.currentMa ?? 0) > limits.limitMa * OVER_CURRENT_RATIO;
  // A temperature that is not told any more is as unsafe as one that is too high.
  const isOverTemperature =
    limits.overTemperatureDc !== null &&
    (reading.temperatureDc === null || reading.temperatureDc >= limits.overTemperatureDc);
  const next: InterlockState = {
    ...heard(state, reading, nowMonoMs),
    // Nobody knows whether a peak is over that cannot be seen any more.
    overCurrentSinceMs: isTold ? since(isOverCurrent, state.overCurrentSinceMs, nowMonoMs) : state.overCurrentSinceMs,
    gunRemovedSinceMs: since(reading.status === 'unplugged', state.gunRemovedSinceMs, nowMonoMs),
  };
  const reported = faultIn(reading);
  if (reported !== null) return { state: next, tripped: reported };
  if (isOverTemperature) return { state: next, tripped: 'over-temperature' };
  if (isOverCurrent && longerThan(next.overCurrentSinceMs, OVER_CURRENT_DEBOUNCE_MS, nowMonoMs))
    return { state: next, tripped: 'over-current' };
  const missing = tooOld(next, nowMonoMs);
  if (missing !== null) return { state: next, tripped: missing };
  if (longerThan(next.gunRemovedSinceMs, GUN_REMOVED_DEBOUNCE_MS, nowMonoMs))
    return { state: next, tripped: 'gun-removed' };
  return { state: next, tripped: null };
}
