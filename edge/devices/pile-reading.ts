import { readCardNumber, reversedBytes } from '#shared/access/card-number.ts';
import type { PhaseCurrents, Reading } from '../control/reading.ts';
import type { PileProfile } from './profile/pile-profile.ts';
import { largestOf, type Values } from './register-device.ts';
import { toldBy } from './reported-fault.ts';

/** A phase below this has no mains: a pile of one phase shows 0 V on the others, and some show it before they close. */
const LEAST_MAINS_MV = 80_000;

const numberOf = (value: ReturnType<Values>): number | null => (typeof value === 'number' ? value : null);
const textOf = (value: ReturnType<Values>): string | null => (value === null ? null : String(value));

/** Values as a reading. Pure. */
export function readingOf(profile: PileProfile, values: Values): Reading {
  const { power, temperature, setpoint, energy, soc, voltages } = profile.measures;
  const { serial, firmware } = profile.identity;
  return {
    ...toldBy(profile, values),
    currentMa: currentOf(profile, values),
    phasesMa: profile.limits.dc === undefined ? phasesOf(profile.measures.currents.map(values)) : null,
    powerW: numberOf(values(power)),
    voltageMv: profile.limits.dc === undefined ? mainsOf(voltages.map(values)) : outputOf(voltages.map(values)),
    temperatureDc: temperatureOf(values(temperature)),
    socPercent: numberOf(values(soc)),
    setpointMa: numberOf(values(setpoint)),
    registerWh: numberOf(values(energy?.point)),
    meterId: textOf(values(serial)),
    serialNumber: textOf(values(serial)),
    firmware: textOf(values(firmware)),
  };
}

/** Null unless each of three is told. */
export function phasesOf(currents: readonly ReturnType<Values>[]): PhaseCurrents | null {
  const [first, second, third] = currents.map(numberOf);
  return first == null || second == null || third == null ? null : [first, second, third];
}

/** No pile stands where it is colder: a sensor that has come off shows the end of its scale. */
const COLDEST_DC = -500;

function temperatureOf(value: ReturnType<Values>): number | null {
  const temperatureDc = numberOf(value);
  return temperatureDc === null || temperatureDc < COLDEST_DC ? null : temperatureDc;
}

/** The largest phase current; for a DC pile what its output power takes from each phase of the supply. */
function currentOf({ measures, limits }: PileProfile, values: Values): number | null {
  const largestMa = largestOf(measures.currents.map(values));
  if (limits.dc === undefined) return largestMa;
  const powerW = values(measures.power);
  if (largestMa === null || typeof powerW !== 'number') return null;
  return Math.ceil((powerW * 1000) / limits.dc.wattsPerAmpere);
}

const U32_DIGITS = 8;

/** A card's number as the pile tells it, as text or as a number whose first byte is the highest; null: none, or no number. */
export function cardNumberOf(
  value: ReturnType<Values>,
  byteOrder: NonNullable<PileProfile['measures']['card']>['byteOrder'],
): string | null {
  const text = typeof value === 'number' ? value.toString(16).padStart(U32_DIGITS, '0') : (value ?? '');
  const number = readCardNumber(text);
  if (number === null || /^0+$/.test(number)) return null;
  return byteOrder === 'first-byte-first' ? number : reversedBytes(number);
}

/** The phases that are in use. Null when none is, or when one is not told: half a picture is none. */
export function mainsOf(voltages: readonly ReturnType<Values>[]): Reading['voltageMv'] {
  const told = voltages.filter((value) => typeof value === 'number');
  const used = told.filter((mv) => mv >= LEAST_MAINS_MV);
  if (used.length === 0 || told.length < voltages.length) return null;
  return { lowest: Math.min(...used), highest: Math.max(...used) };
}

/** The output of a DC pile is at 0 V until it is switched on. */
function outputOf(voltages: readonly ReturnType<Values>[]): Reading['voltageMv'] {
  const highest = largestOf(voltages);
  return highest === null ? null : { lowest: highest, highest };
}
