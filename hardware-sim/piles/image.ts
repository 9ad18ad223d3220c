import {
  ILLEGAL_ADDRESS,
  type ReadOutcome,
  type RegisterImage,
  refuse,
  type WriteOutcome,
} from '../line/register-image.ts';
import { planWrite, type ReadTable, readFrom, type WriteTable } from './registers.ts';

/** A bit that can be read and written. */
export interface Coil {
  readonly get: () => boolean;
  readonly set: (on: boolean) => void;
}

/** Coils by address. */
export type CoilTable = ReadonlyMap<number, Coil>;

/** The tables of one device; a table that is left out has no address at all. */
export interface ImageParts {
  readonly functions: readonly number[];
  readonly inputs?: ReadTable;
  readonly holdings?: ReadTable;
  readonly writable?: WriteTable;
  readonly coils?: CoilTable;
  readonly discreteInputs?: ReadTable;
}

const NOTHING: ReadonlyMap<number, never> = new Map<number, never>();

/** A register image over tables: exception 2 for an address outside them, 3 for a value that a field refuses. */
export function tableImage(parts: ImageParts): RegisterImage {
  const coils = parts.coils ?? NOTHING;
  return {
    functions: new Set(parts.functions),
    readInput: (address, count) => readFrom(parts.inputs ?? NOTHING, address, count),
    readHolding: (address, count) => readFrom(parts.holdings ?? NOTHING, address, count),
    writeHolding: (address, words) => planWrite(parts.writable ?? NOTHING, address, words),
    bits: {
      readCoils: (address, count) => readCoils(coils, address, count),
      readDiscreteInputs: (address, count) => readFrom(parts.discreteInputs ?? NOTHING, address, count),
      writeCoils: (address, bits) => planCoils(coils, address, bits),
    },
  };
}

function readCoils(coils: CoilTable, address: number, count: number): ReadOutcome {
  const words: number[] = [];
  for (let offset = 0; offset < count; offset += 1) {
    const coil = coils.get(address + offset);
    if (coil === undefined) return refuse(ILLEGAL_ADDRESS);
    words.push(coil.get() ? 1 : 0);
  }
  return { ok: true, words };
}

function planCoils(coils: CoilTable, address: number, bits: readonly number[]): WriteOutcome {
  const effects: (() => void)[] = [];
  for (const [offset, bit] of bits.entries()) {
    const coil = coils.get(address + offset);
    if (coil === undefined) return refuse(ILLEGAL_ADDRESS);
    effects.push(() => coil.set(bit === 1));
  }
  return { ok: true, apply: () => effects.forEach((effect) => void effect()) };
}
