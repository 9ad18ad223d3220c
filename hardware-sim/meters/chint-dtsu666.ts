import {
  ILLEGAL_ADDRESS,
  ILLEGAL_VALUE,
  type ReadOutcome,
  type RegisterImage,
  refuse,
} from '../line/register-image.ts';
import { type FloatTable, floatWords, inRow } from './float-registers.ts';
import type { MeterCore, MeterReading } from './meter-core.ts';

const DEVICE_FAILURE = 4;
const IMPORT = 0x101e;
const EXPORT = 0x1028;

/**
 * Chint DTSU666, from its register list: FC03, float32 with the high word first, and scaled besides: voltages and power times
 * 10, currents and power factor times 1000, frequency times 100, energy in plain kWh. The energies of single phases are not there.
 */
export function chintDtsu666(core: MeterCore): RegisterImage {
  return {
    functions: new Set([3]),
    readInput: () => refuse(ILLEGAL_ADDRESS),
    readHolding: (address, count) => readHolding(core.read(), address, count),
    writeHolding: () => refuse(ILLEGAL_ADDRESS),
  };
}

function readHolding(reading: MeterReading, address: number, count: number): ReadOutcome {
  if (count % 2 !== 0) return refuse(ILLEGAL_VALUE);
  const values = tableOf(reading);
  const words: number[] = [];
  for (let at = address; at < address + count; at += 2) {
    const get = values.get(at);
    if (get === undefined) return refuse(ILLEGAL_ADDRESS);
    const isEnergy = at === IMPORT || at === EXPORT;
    if (isEnergy && reading.missing === 'error') return refuse(DEVICE_FAILURE);
    words.push(...floatWords(isEnergy && reading.missing === 'marker' ? Number.NaN : get()));
  }
  return { ok: true, words };
}

function tableOf({ voltageV, currentsA, powerW, frequencyHz, importWh, exportWh }: MeterReading): FloatTable {
  const phases = [0, 1, 2] as const;
  const lineToLine = (): number => voltageV * Math.sqrt(3) * 10;
  const phase = (): number => voltageV * 10;
  return new Map<number, () => number>([
    ...inRow(0x2000, [lineToLine, lineToLine, lineToLine]),
    ...inRow(0x2006, [phase, phase, phase]),
    ...inRow(
      0x200c,
      phases.map((index) => () => currentsA[index] * 1000),
    ),
    [0x2012, () => powerW * 10],
    ...inRow(
      0x2014,
      phases.map((index) => () => currentsA[index] * voltageV * 10),
    ),
    ...inRow(0x201a, [() => 0, () => 0, () => 0, () => 0]),
    [0x202a, () => 1000],
    [0x2044, () => frequencyHz * 100],
    [IMPORT, () => importWh / 1000],
    [EXPORT, () => exportWh / 1000],
  ]);
}
