import { median } from './measure.ts';

export interface TimedValue {
  readonly atMs: number;
  readonly value: number;
}

/** Of so long the lowest sample counts: what is above it is garbage that has not been collected yet. */
const LOWEST_OF_MS = 30_000;

/**
 * By how much memory grows from the first to the last of its samples: the median of the slopes between the lowest of any two half
 * minutes (Theil and Sen), so that up to a quarter of these may be off.
 *
 * @returns percent of the median
 */
export function slopePercent(samples: readonly TimedValue[]): number {
  const lowest = lowestOfEach(samples);
  const slopes = lowest.flatMap((one, i) =>
    lowest.slice(i + 1).map((other) => (other.value - one.value) / (other.atMs - one.atMs)),
  );
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  return (median(slopes) * spanMs * 100) / median(lowest.map(({ value }) => value));
}

function lowestOfEach(samples: readonly TimedValue[]): TimedValue[] {
  const fromMs = samples[0]?.atMs ?? 0;
  const lowest = new Map<number, TimedValue>();
  for (const { atMs, value } of samples) {
    const window = Math.floor((atMs - fromMs) / LOWEST_OF_MS);
    const known = lowest.get(window)?.value ?? Number.POSITIVE_INFINITY;
    lowest.set(window, { atMs: window * LOWEST_OF_MS, value: Math.min(known, value) });
  }
  return [...lowest.values()];
}
