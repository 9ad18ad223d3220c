import type { ReadRequest, WriteRequest } from '../bus/request.ts';
import type { PointValue } from './profile/condition.ts';
import { type Point, type PointType, wordsOf } from './profile/point.ts';
import type { Write } from './profile/write.ts';

/** Where a device's registers begin: its unit, and the offset of its socket. */
export interface Placement {
  readonly unit: number;
  /** Added to every address that does not belong to the device as a whole. */
  readonly offset: number;
}

type Placed = Pick<Point, 'address' | 'wholeDevice' | 'unitId'>;
export const unitOf = (item: Placed, place: Placement): number => item.unitId ?? place.unit;
export const addressOf = (item: Placed, place: Placement): number =>
  item.address + (item.wholeDevice ? 0 : place.offset);

/** Words (or bits) as read from a device, by unit, function and address. */
export class RegisterWords {
  readonly #words = new Map<string, number>();

  add(unit: number, read: ReadRequest, words: readonly number[]): void {
    words.forEach((word, i) => {
      this.#words.set(`${unit}:${read.fc}:${read.address + i}`, word);
    });
  }

  /** Null when any of the words was not read. */
  get(point: Point, place: Placement): number[] | null {
    const words: number[] = [];
    for (let i = 0; i < wordsOf(point); i += 1) {
      const word = this.#words.get(`${unitOf(point, place)}:${point.fc}:${addressOf(point, place) + i}`);
      if (word === undefined) return null;
      words.push(word);
    }
    return words;
  }
}

/**
 * The value of a point in its unit, or null when the device has no value for it.
 * Null is never zero: a missing meter is a fault to handle, not an empty one.
 */
export function decodePoint(point: Point, words: readonly number[]): PointValue {
  if (point.type === 'ascii' || point.type === 'utf16') return decodeText(point.type, words);
  const ordered = point.wordOrder === 'high-first' ? words : [...words].reverse();
  const raw = ordered.reduce((value, word) => (value << 16n) | BigInt(word), 0n);
  if (point.notAvailable?.some((pattern) => raw === BigInt(pattern))) return null;
  if (point.type === 'f32' || point.type === 'f64') return decodeFloat(point, raw);
  return decodeWhole(point, raw);
}

function decodeText(type: 'ascii' | 'utf16', words: readonly number[]): string | null {
  const codes = type === 'utf16' ? words : words.flatMap((word) => [word >>> 8, word & 0xff]);
  const end = codes.indexOf(0);
  const text = String.fromCharCode(...(end < 0 ? codes : codes.slice(0, end))).trim();
  return text === '' ? null : text;
}

/** Null for NaN and infinities. IEEE 754. */
function decodeFloat(point: Point, raw: bigint): number | null {
  const view = new DataView(new ArrayBuffer(8));
  if (point.type === 'f32') view.setUint32(0, Number(raw));
  else view.setBigUint64(0, raw);
  const value = point.type === 'f32' ? view.getFloat32(0) : view.getFloat64(0);
  const scaled = Math.round((value * point.multiply) / point.divide);
  return Number.isSafeInteger(scaled) ? scaled : null;
}

const signBits: Partial<Record<PointType, bigint>> = { i16: 16n, i32: 32n, i64: 64n };

function decodeWhole(point: Point, unsigned: bigint): number | null {
  const bits = signBits[point.type];
  let raw = bits !== undefined && unsigned >> (bits - 1n) === 1n ? unsigned - (1n << bits) : unsigned;
  if (point.shift !== undefined) raw >>= BigInt(point.shift);
  if (point.mask !== undefined) raw &= BigInt(point.mask);
  const scaled = floorDivide(raw * BigInt(point.multiply), BigInt(point.divide));
  const value = Number(scaled);
  return Number.isSafeInteger(value) ? value : null;
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

/** The request that writes a raw value at a placement. */
export function encodeWrite(write: Write, raw: number, place: Placement): WriteRequest {
  const address = addressOf(write, place);
  if (write.fc === 5) return { fc: 5, address, on: raw !== 0 };
  if (write.fc === 6) return { fc: 6, address, word: raw & 0xffff };
  if (write.type === 'u16') return { fc: 16, address, words: [raw & 0xffff] };
  const bits = new DataView(new ArrayBuffer(4));
  if (write.type === 'f32') bits.setFloat32(0, raw);
  else bits.setUint32(0, raw);
  const words = [bits.getUint16(0), bits.getUint16(2)];
  return { fc: 16, address, words: write.wordOrder === 'high-first' ? words : words.reverse() };
}

/** A current in the device's own unit: a whole number of the pile's steps, never rounded up. */
export function rawLimit(write: Write, limitMa: number, stepMa: number): number {
  const steppedMa = Math.floor(limitMa / stepMa) * stepMa;
  const raw = (steppedMa * write.multiply) / write.divide;
  return write.type === 'f32' ? raw : Math.floor(raw);
}
