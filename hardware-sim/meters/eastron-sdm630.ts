import {
  ILLEGAL_ADDRESS,
  ILLEGAL_VALUE,
  type ReadOutcome,
  type RegisterImage,
  refuse,
} from '../line/register-image.ts';
import { type FloatTable, floatWords, inRow } from './float-registers.ts';
import type { MeterCore, MeterReading } from './meter-core.ts';

const MAX_READ_WORDS = 80;
const SERIAL_NUMBER_ADDRESS = 0xfc00;
const DEVICE_FAILURE = 4;
const IMPORT = 0x48;
const EXPORT = 0x4a;
const SUM = 0x156;
const TABLE_END = 0x158;

/**
 * Eastron SDM630 V2, from its Modbus register list: input registers by FC04, all values float32 with the high word first; the
 * serial number is a u32 in holding register 0xFC00. 0x48 is import, 0x156 import and export together.
 *
 * A read has an even address and an even length of at most 80 registers. Parameters that the list leaves out read 0; the
 * energies of single phases (0x15A and on) are not there.
 */
export function eastronSdm630(core: MeterCore, serialNumber: number): RegisterImage {
  return {
    functions: new Set([3, 4]),
    readInput: (address, count) => readInput(core.read(), address, count),
    readHolding: (address, count): ReadOutcome =>
      address === SERIAL_NUMBER_ADDRESS && count === 2
        ? { ok: true, words: [(serialNumber >>> 16) & 0xffff, serialNumber & 0xffff] }
        : refuse(ILLEGAL_ADDRESS),
    writeHolding: () => refuse(ILLEGAL_ADDRESS),
  };
}

function readInput(reading: MeterReading, address: number, count: number): ReadOutcome {
  if (count % 2 !== 0 || count > MAX_READ_WORDS) return refuse(ILLEGAL_VALUE);
  if (address % 2 !== 0 || address + count > TABLE_END) return refuse(ILLEGAL_ADDRESS);
  const isEnergy = (at: number): boolean => at === IMPORT || at === EXPORT || at === SUM;
  const values = tableOf(reading);
  const words: number[] = [];
  for (let at = address; at < address + count; at += 2) {
    if (isEnergy(at) && reading.missing === 'error') return refuse(DEVICE_FAILURE);
    const missing = isEnergy(at) && reading.missing === 'marker';
    words.push(...floatWords(missing ? Number.NaN : (values.get(at)?.() ?? 0)));
  }
  return { ok: true, words };
}

function tableOf({ voltageV, currentsA, powerW, frequencyHz, importWh, exportWh }: MeterReading): FloatTable {
  const phases = [0, 1, 2] as const;
  const phaseW = phases.map((phase) => () => currentsA[phase] * voltageV);
  const powerFactor = (): number => 1;
  return new Map<number, () => number>([
    ...inRow(0x00, [() => voltageV, () => voltageV, () => voltageV]),
    ...inRow(0x06, [() => currentsA[0], () => currentsA[1], () => currentsA[2]]),
    ...inRow(0x0c, phaseW),
    ...inRow(0x12, phaseW),
    ...inRow(0x1e, [powerFactor, powerFactor, powerFactor]),
    [0x34, () => powerW],
    [0x38, () => powerW],
    [0x3e, powerFactor],
    [0x46, () => frequencyHz],
    [IMPORT, () => importWh / 1000],
    [EXPORT, () => exportWh / 1000],
    [SUM, () => (importWh + exportWh) / 1000],
  ]);
}
