import type { ReadRequest, WriteRequest } from '../bus/request.ts';
import { type Point, type PointType, type Write, wordsOf } from './profile.ts';

/** Words as read from a device, by function code and address. */
export class RegisterWords {
  readonly #words = new Map<string, number>();

  add(read: ReadRequest, words: readonly number[]): void {
    words.forEach((word, i) => {
      this.#words.set(`${read.fc}:${read.address + i}`, word);
    });
  }

  /** Null when any of the words was not read. */
  get(point: Point): number[] | null {
    const words: number[] = [];
    for (let i = 0; i < wordsOf[point.type]; i += 1) {
      const word = this.#words.get(`${point.fc}:${point.address + i}`);
      if (word === undefined) return null;
      words.push(word);
    }
    return words;
  }
}

const signBits: Record<PointType, bigint | null> = { u16: null, i16: 16n, u32: null, i32: 32n, u64: null };

/**
 * The value of a point in its unit, or null when the device has no value for it.
 * Null is never zero: a missing meter is a fault to handle, not an empty one.
 */
export function decodePoint(point: Point, words: readonly number[]): number | null {
  const ordered = point.wordOrder === 'high-first' ? words : [...words].reverse();
  let raw = ordered.reduce((value, word) => (value << 16n) | BigInt(word), 0n);
  if (point.notAvailable !== undefined && raw === BigInt(point.notAvailable)) return null;
  const bits = signBits[point.type];
  if (bits !== null && raw >> (bits - 1n) === 1n) raw -= 1n << bits;
  if (point.shift !== undefined) raw >>= BigInt(point.shift);
  if (point.mask !== undefined) raw &= BigInt(point.mask);
  const scaled = floorDivide(raw * BigInt(point.multiply), BigInt(point.divide));
  if (scaled > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return Number(scaled);
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

/** The request that writes a raw value. */
export function encodeWrite(write: Write, raw: number): WriteRequest {
  if (write.fc === 5) return { fc: 5, address: write.address, on: raw !== 0 };
  if (write.fc === 6) return { fc: 6, address: write.address, word: raw & 0xffff };
  const words = write.type === 'u32' ? [Math.floor(raw / 0x10000), raw % 0x10000] : [raw & 0xffff];
  return { fc: 16, address: write.address, words };
}

/** A current in the device's own unit, never rounded up. */
export function rawLimit(write: Write, limitMa: number): number {
  return Math.floor((limitMa * write.multiply) / write.divide);
}
