/** The PostgreSQL type of bigint columns: energies, sequence numbers, milliseconds. */
export const INT8_OID = 20;

/**
 * Both engines hand a bigint over as text; it becomes a number as long as that is exact.
 *
 * @throws RangeError beyond 2^53 - 1, where a number would silently change the value
 */
export function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} does not fit a number exactly`);
  return value;
}
