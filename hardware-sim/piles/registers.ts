import { ILLEGAL_ADDRESS, ILLEGAL_VALUE, type ReadOutcome, refuse, type WriteOutcome } from '../line/register-image.ts';
import type { Cell } from './register-shapes.ts';

/** Readable words by address; each is asked for anew at every read. */
export type ReadTable = ReadonlyMap<number, () => number>;

/** A writable value: its length in words, what it takes, and what a write does. Values of two words have the high word first. */
export interface WriteField {
  readonly words: 1 | 2;
  readonly accepts: (value: number) => boolean;
  readonly apply: (value: number) => void;
}

/** Writable values by their first address. */
export type WriteTable = ReadonlyMap<number, WriteField>;

type Accepts = (value: number) => boolean;
type Apply = (value: number) => void;

/** A writable value of one word, for a write table. */
export function wordField(address: number, accepts: Accepts, apply: Apply): readonly [number, WriteField] {
  return [address, { words: 1, accepts, apply }];
}

/** A writable value of two words, for a write table. */
export function longField(address: number, accepts: Accepts, apply: Apply): readonly [number, WriteField] {
  return [address, { words: 2, accepts, apply }];
}

/** Accepts whole numbers from `min` to `max`. */
export function within(min: number, max: number): Accepts {
  return (value) => value >= min && value <= max;
}

/** Accepts 0 and whole numbers from `min` to `max`. */
export function zeroOr(min: number, max: number): Accepts {
  return (value) => value === 0 || (value >= min && value <= max);
}

/** Accepts exactly `values`. */
export function oneOf(...values: readonly number[]): Accepts {
  return (value) => values.includes(value);
}

/** Accepts whatever fits into the registers. */
export const anyValue: Accepts = () => true;

/** A table from the cells of all registers. */
export function readTable(...cells: readonly (readonly Cell[])[]): ReadTable {
  return new Map(cells.flat());
}

/** Reads `count` words that all exist; exception 2 otherwise. */
export function readFrom(table: ReadTable, address: number, count: number): ReadOutcome {
  const words: number[] = [];
  for (let offset = 0; offset < count; offset += 1) {
    const get = table.get(address + offset);
    if (get === undefined) return refuse(ILLEGAL_ADDRESS);
    words.push(get());
  }
  return { ok: true, words };
}

/** Checks a write of one or more whole values: exception 2 for a gap or half a value, 3 for a value out of range. */
export function planWrite(table: WriteTable, address: number, words: readonly number[]): WriteOutcome {
  const effects: (() => void)[] = [];
  let offset = 0;
  while (offset < words.length) {
    const field = table.get(address + offset);
    if (field === undefined || offset + field.words > words.length) return refuse(ILLEGAL_ADDRESS);
    const value = words.slice(offset, offset + field.words).reduce((sum, part) => sum * 0x10000 + part, 0);
    if (!field.accepts(value)) return refuse(ILLEGAL_VALUE);
    effects.push(() => field.apply(value));
    offset += field.words;
  }
  return { ok: true, apply: () => effects.forEach((effect) => void effect()) };
}
