/** Up to this share is added to a wait, so that the retries of many deliveries do not come at once. */
const JITTER = 0.1;
/** A receiver may ask for a longer wait than planned, but not for the end of the world. */
const LONGEST_ASKED_MS = 86_400_000;

/**
 * When to try again after a failed attempt, or null when the plan is used up.
 *
 * @param attempts attempts made so far, the failed one included
 * @param fraction 0 ≤ fraction < 1
 * @param askedMs for how long the receiver wants to be left alone: it is, for at most a day; a shorter time than planned changes nothing
 */
export function nextAttemptAtMs(
  plan: readonly number[],
  attempts: number,
  nowMs: number,
  fraction: number,
  askedMs: number | null = null,
): number | null {
  const waitMs = plan[attempts - 1];
  if (waitMs === undefined) return null;
  return nowMs + Math.max(Math.round(waitMs * (1 + JITTER * fraction)), Math.min(askedMs ?? 0, LONGEST_ASKED_MS));
}

/**
 * For how long a `Retry-After` asks (RFC 9110, 10.2.3), in milliseconds; null when it says nothing that can be read.
 *
 * @param value seconds or an HTTP date
 */
export function askedWaitMs(value: string, nowMs: number): number | null {
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
