import { type ReadOutcome, type RegisterImage, refuse } from '../line/register-image.ts';
import type { ModelName } from './models.ts';

/** Modbus exception: the device could not do what it was asked (application protocol V1.1b3, section 7). */
const DEVICE_FAILURE = 4;
/** Not available in an unsigned register; NaN in a float. */
const NOT_AVAILABLE = 0xffff;

/** Where a model has its total energy, on the wire, and where the register's width ends. */
export interface MeterRegister {
  readonly places: readonly { readonly address: number; readonly words: number }[];
  /** `undefined`: too wide ever to end, or dependent on firmware. */
  readonly endWh: number | undefined;
}

const COUNTS_U32 = 2 ** 32;

/** Models whose total can be missing. A model that is not listed has no total, or one whose place depends on its set-up. */
export const METER_REGISTERS: Readonly<Partial<Record<ModelName, MeterRegister>>> = {
  'heidelberg-energy-control': total(17, 2, COUNTS_U32),
  'keba-p30': total(1036, 2, COUNTS_U32 / 10),
  'keba-p40': total(1036, 2, undefined),
  'phoenix-em-cp-pp-eth': total(128, 2, COUNTS_U32 * 10),
  'phoenix-ev-eth': {
    places: [
      { address: 128, words: 2 },
      { address: 904, words: 2 },
      { address: 2980, words: 4 },
    ],
    endWh: undefined,
  },
  'alfen-ng9xx': total(374, 4, undefined),
  'bender-cc612': total(218, 2, COUNTS_U32),
  'schneider-evlink-pro-ac': total(3203, 4, undefined),
  'tinkerforge-warp': total(2004, 2, undefined),
  'vestel-evc04': total(1036, 2, COUNTS_U32 * 100),
  'webasto-next': total(1036, 2, COUNTS_U32),
  'generic-dc': total(6, 2, COUNTS_U32),
};

function total(address: number, words: number, endWh: number | undefined): MeterRegister {
  return { places: [{ address, words }], endWh };
}

/** `image` while its meter is missing: reads that touch the total carry the not-available pattern there, or fail. */
export function withoutMeter(image: RegisterImage, { places }: MeterRegister, as: 'marker' | 'error'): RegisterImage {
  const isTotal = (at: number): boolean => places.some(({ address, words }) => at >= address && at < address + words);
  const hide = (outcome: ReadOutcome, address: number): ReadOutcome => {
    if (!outcome.ok || !outcome.words.some((_, index) => isTotal(address + index))) return outcome;
    if (as === 'error') return refuse(DEVICE_FAILURE);
    return { ok: true, words: outcome.words.map((word, index) => (isTotal(address + index) ? NOT_AVAILABLE : word)) };
  };
  return {
    ...image,
    readHolding: (address, count) => hide(image.readHolding(address, count), address),
    readInput: (address, count) => hide(image.readInput(address, count), address),
  };
}
