/** A bucket of `burst` calls that fills by `perMinute`. */
export interface RatePolicy {
  readonly perMinute: number;
  readonly burst: number;
}

const MINUTE_US = 60_000_000;
const SECOND_US = 1_000_000;

/** What one call costs, and what a full bucket holds, in microseconds of filling. */
export const costUs = ({ perMinute }: RatePolicy): number => Math.ceil(MINUTE_US / perMinute);
export const capacityUs = (policy: RatePolicy): number => costUs(policy) * policy.burst;

/** In how many seconds an empty bucket is full, rounded up. */
export const windowS = (policy: RatePolicy): number => Math.max(1, Math.ceil(capacityUs(policy) / SECOND_US));

/** What became of a call. */
export interface RateVerdict {
  readonly isAllowed: boolean;
  /** How many more calls would be allowed at once. */
  readonly remaining: number;
  /** Until the bucket is full again; of a refused call, until one is allowed. */
  readonly waitS: number;
}

/**
 * Reads a bucket by the time at which it is full again.
 *
 * @param fullAtUs after the call, if it was allowed; else as it stands
 * @param count how many were wanted at once
 */
export function verdictOf(
  policy: RatePolicy,
  isAllowed: boolean,
  fullAtUs: number,
  nowMs: number,
  count = 1,
): RateVerdict {
  const takenUs = Math.max(0, fullAtUs - nowMs * 1000);
  const freeUs = Math.max(0, capacityUs(policy) - takenUs);
  const waitUs = isAllowed ? takenUs : takenUs + costUs(policy) * count - capacityUs(policy);
  return {
    isAllowed,
    remaining: isAllowed ? Math.floor(freeUs / costUs(policy)) : 0,
    waitS: Math.max(isAllowed ? 0 : 1, Math.ceil(waitUs / SECOND_US)),
  };
}
