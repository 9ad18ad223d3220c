const FIRST_WINDOW_MS = 2_000;
/** Once a broker is back, every site has tried within so long. */
export const SITES_WAIT_AT_MOST_MS = 10_000;
/** The cloud has few processes, and all sites wait for them. */
export const CLOUD_WAITS_AT_MOST_MS = 4_000;

/**
 * How long to wait before a broker is tried again. Thousands lose the broker at one moment; they must not all come back at another.
 *
 * @param failures attempts that have failed since the broker was reached last: 0 right after the connection was lost
 * @param fraction a random number from 0 inclusive to 1 exclusive
 * @returns between a quarter and the whole of 2 s, of twice that after each failure, of `longestMs` at most
 */
export function reconnectAfterMs(failures: number, fraction: number, longestMs: number): number {
  const windowMs = Math.min(longestMs, FIRST_WINDOW_MS * 2 ** failures);
  return Math.round(windowMs * (0.25 + 0.75 * fraction));
}
