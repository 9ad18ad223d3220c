import type { StateEffects } from '../faults/state-effects.ts';
import { countEnergy, newMeterCount, wrapped } from './meter-count.ts';
import type { Supply } from './supply.ts';

/** All meters here count in 0.01 kWh up to 999999.99 kWh. */
const RESOLUTION_WH = 10;
export const REGISTER_END_WH = 1_000_000_000;

/** What a meter shows at one instant, with its faults. */
export interface MeterReading {
  readonly importWh: number;
  readonly exportWh: number;
  readonly powerW: number;
  readonly currentsA: readonly [number, number, number];
  readonly voltageV: number;
  readonly frequencyHz: number;
  /** How the energy registers are missing, if they are. */
  readonly missing: 'marker' | 'error' | undefined;
}

/** The measuring part of an external meter: an own count, resolution and faults over what its supply really carries. */
export interface MeterCore {
  advance(): void;
  read(): MeterReading;
  /** What has come through since the process started, in Wh. */
  flowedWh(): number;
}

const FREQUENCY_HZ = 50;

/** A meter that shows `initialRegisterWh` and `initialExportWh` and has counted nothing. */
export function createMeterCore(
  settings: { readonly initialRegisterWh: number; readonly initialExportWh: number },
  supply: () => Supply,
  effects: () => StateEffects,
): MeterCore {
  const count = newMeterCount(settings.initialRegisterWh);
  const startWh = supply().energyWh;
  let flowedWh = 0;
  /** What was shown last: a frozen meter goes on showing it. */
  let shown: MeterReading | undefined;
  const advance = (): void => {
    const totalWh = supply().energyWh - startWh;
    countEnergy(count, { stepWh: totalWh - flowedWh, totalWh }, effects(), REGISTER_END_WH);
    flowedWh = totalWh;
  };
  const present = (): MeterReading => {
    const { powerW, currentsA, voltageV } = supply();
    return {
      importWh: shownWh(count.initialRegisterWh + count.meterWh),
      exportWh: shownWh(settings.initialExportWh),
      powerW,
      currentsA,
      voltageV,
      frequencyHz: FREQUENCY_HZ,
      missing: effects().meterMissing,
    };
  };
  return {
    advance,
    flowedWh: () => {
      advance();
      return flowedWh;
    },
    read: () => {
      advance();
      shown = effects().meterFrozen ? (shown ?? present()) : present();
      return shown;
    },
  };
}

/** In whole steps of the register. The millionth of a step keeps a sum of floats from falling just short of one. */
function shownWh(wh: number): number {
  return wrapped(Math.floor(wh / RESOLUTION_WH + 1e-6) * RESOLUTION_WH, REGISTER_END_WH);
}
