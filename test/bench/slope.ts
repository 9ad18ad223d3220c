/**
 * By how much a value grows from the first to the last of its samples, on the line that fits them best.
 *
 * @returns percent of the mean
 */
export function slopePercent(samples: readonly { readonly atMs: number; readonly value: number }[]): number {
  const n = samples.length;
  const meanAt = samples.reduce((sum, { atMs }) => sum + atMs, 0) / n;
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / n;
  const above = samples.reduce((sum, { atMs, value }) => sum + (atMs - meanAt) * (value - mean), 0);
  const below = samples.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0);
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  return ((above / below) * spanMs * 100) / mean;
}
