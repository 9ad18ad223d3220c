import { ILLEGAL_ADDRESS, ILLEGAL_VALUE, type ReadOutcome, refuse, type WriteOutcome } from '../line/register-image.ts';

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

type Cell = readonly [number, () => number];

/** One unsigned or two's complement word, rounded and cut to 16 bits. */
export function word(address: number, get: () => number): readonly Cell[] {
  return [[address, () => Math.round(get()) & 0xffff]];
}

/** An unsigned value over two words, high word first, rounded. */
export function long(address: number, get: () => number): readonly Cell[] {
  return [
    [address, () => Math.floor(Math.round(get()) / 0x10000) & 0xffff],
    [address + 1, () => Math.round(get()) % 0x10000],
  ];
}

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
