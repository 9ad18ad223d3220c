import { median } from './measure.ts';

export interface TimedValue {
  readonly atMs: number;
  readonly value: number;
}

/**
 * By how much a value grows from the first to the last of its samples: the median of the slopes between any two of them (Theil
 * and Sen), so that up to a quarter of the samples may be off.
 *
 * @returns percent of the median
 */
export function slopePercent(samples: readonly TimedValue[]): number {
  const slopes = samples.flatMap((one, i) =>
    samples.slice(i + 1).map((other) => (other.value - one.value) / (other.atMs - one.atMs)),
  );
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  return (median(slopes) * spanMs * 100) / median(samples.map(({ value }) => value));
}
