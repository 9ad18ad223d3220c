/** Decimal digits, two a byte, low byte first, as DL/T 645 sends addresses and values. */

const isDigits = (byte: number): boolean => byte >>> 4 <= 9 && (byte & 0x0f) <= 9;

/** The digits, high one first; null when one of them is not a digit. */
export function bcdDigits(bytes: Uint8Array): string | null {
  if (!bytes.every(isDigits)) return null;
  return [...bytes].reverse().reduce((digits, byte) => digits + byte.toString(16).padStart(2, '0'), '');
}

/**
 * The number that the digits write; null when one of them is not a digit.
 *
 * @param signed the top bit of the highest byte is the sign of the rest, not part of a digit
 */
export function bcdNumber(bytes: Uint8Array, signed: boolean): number | null {
  const high = bytes.at(-1) ?? 0;
  const isNegative = signed && high >= 0x80;
  const magnitude = isNegative ? Uint8Array.of(...bytes.subarray(0, -1), high & 0x7f) : bytes;
  const digits = bcdDigits(magnitude);
  if (digits === null) return null;
  const value = Number(digits);
  return isNegative && value !== 0 ? -value : value;
}
