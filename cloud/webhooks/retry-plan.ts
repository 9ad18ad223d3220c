/** Up to this share is added to a wait, so that the retries of many deliveries do not come at once. */
const JITTER = 0.1;

/**
 * When to try again after a failed attempt, or null when the plan is used up.
 *
 * @param attempts attempts made so far, the failed one included
 * @param fraction 0 ≤ fraction < 1
 */
export function nextAttemptAtMs(
  plan: readonly number[],
  attempts: number,
  nowMs: number,
  fraction: number,
): number | null {
  const waitMs = plan[attempts - 1];
  return waitMs === undefined ? null : nowMs + Math.round(waitMs * (1 + JITTER * fraction));
}
