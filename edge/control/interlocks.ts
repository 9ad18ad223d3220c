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
});

const since = (isThere: boolean, before: number | null, nowMonoMs: number) => (isThere ? (before ?? nowMonoMs) : null);
const longerThan = (sinceMs: number | null, ms: number, nowMonoMs: number) =>
  sinceMs !== null && nowMonoMs - sinceMs >= ms;

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
  if (reading === null) {
    const isLost = longerThan(state.lastReadingMs, COMMUNICATION_LOST_AFTER_MS, nowMonoMs);
    return { state, tripped: isLost ? 'communication-lost' : null };
  }
  // A pile that does not tell its current or temperature any more is as unsafe as one that tells too much.
  const isOverCurrent = reading.currentMa === null || reading.currentMa > limits.limitMa * OVER_CURRENT_RATIO;
  const isOverTemperature =
    limits.overTemperatureDc !== null &&
    (reading.temperatureDc === null || reading.temperatureDc >= limits.overTemperatureDc);
  const next: InterlockState = {
    overCurrentSinceMs: since(isOverCurrent, state.overCurrentSinceMs, nowMonoMs),
    gunRemovedSinceMs: since(reading.status === 'unplugged', state.gunRemovedSinceMs, nowMonoMs),
    lastReadingMs: nowMonoMs,
  };
  const reported = faultIn(reading);
  if (reported !== null) return { state: next, tripped: reported };
  if (isOverTemperature) return { state: next, tripped: 'over-temperature' };
  if (longerThan(next.overCurrentSinceMs, OVER_CURRENT_DEBOUNCE_MS, nowMonoMs))
    return { state: next, tripped: 'over-current' };
  if (longerThan(next.gunRemovedSinceMs, GUN_REMOVED_DEBOUNCE_MS, nowMonoMs))
    return { state: next, tripped: 'gun-removed' };
  return { state: next, tripped: null };
}
