import { expect, test } from 'vitest';
import { CLOUD_WAITS_AT_MOST_MS, reconnectAfterMs, SITES_WAIT_AT_MOST_MS } from './reconnect-delay.ts';

const SITES = 2_000;
const fractions = Array.from({ length: SITES }, (_, site) => site / SITES);
/** How many of all sites try in the fullest 100 ms. */
function fullest(failures: number): number {
  const counts = new Map<number, number>();
  for (const fraction of fractions) {
    const tenth = Math.floor(reconnectAfterMs(failures, fraction, SITES_WAIT_AT_MOST_MS) / 100);
    counts.set(tenth, (counts.get(tenth) ?? 0) + 1);
  }
  return Math.max(...counts.values());
}

test('SY-05 a short outage heals within seconds, and nobody waits for more than ten', () => {
  const range = (failures: number) =>
    [0, 0.999_999].map((one) => reconnectAfterMs(failures, one, SITES_WAIT_AT_MOST_MS));
  expect([range(0), range(1), range(2)]).toEqual([
    [500, 2000],
    [1000, 4000],
    [2000, 8000],
  ]);
  for (const failures of [3, 10, 2_000]) expect(range(failures)).toEqual([2500, SITES_WAIT_AT_MOST_MS]);
  expect(reconnectAfterMs(50, 0.999_999, CLOUD_WAITS_AT_MOST_MS)).toBe(CLOUD_WAITS_AT_MOST_MS);
});

test('SY-05 two thousand sites whose broker restarts come back one after the other', () => {
  expect([fullest(0), fullest(1), fullest(5)]).toEqual([134, 67, 27]);
});
