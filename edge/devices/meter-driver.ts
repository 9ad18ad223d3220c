import type { PhaseCurrents, Reading } from '../control/reading.ts';
import { mainsOf, phasesOf } from './pile-reading.ts';
import type { MeterProfile } from './profile/meter-profile.ts';
import { type DeviceAddress, largestOf, RegisterDevice } from './register-device.ts';

/** One look at an energy meter. Null means that the meter did not tell, and is never zero. */
export interface MeterLook {
  /** As the meter shows it, in whole Wh, rounded down. */
  readonly registerWh: number | null;
  /** The largest phase current; null also where a look does not ask for it. */
  readonly currentMa: number | null;
  /** Of each phase, as the meter names them; left out or null where it does not tell all three. */
  readonly phasesMa?: PhaseCurrents | null;
  /** Of all phases, as `currentMa`. */
  readonly powerW: number | null;
  /** Of the phases in use, as `currentMa`. */
  readonly voltageMv: Reading['voltageMv'];
  /** Serial number or address: another one is another meter. */
  readonly meterId: string | null;
}

/** A meter of its own, whatever it speaks. */
export interface MeterDriver {
  readonly pollMs: number;
  /** @throws LineError */
  read(): Promise<MeterLook>;
  /** The meter may be another one. */
  forget(): void;
}

/** A meter that speaks Modbus. */
export function modbusMeter(profile: MeterProfile, address: DeviceAddress): MeterDriver {
  const device = new RegisterDevice(profile, address);
  return {
    pollMs: profile.timing.pollMs,
    forget: () => device.forget(),
    async read() {
      const values = await device.read('poll');
      const registerWh = values(profile.measures.energy.point);
      const serial = values(profile.identity.serial);
      const { currents, voltages } = profile.measures;
      const powerW = values(profile.measures.power);
      return {
        currentMa: largestOf(currents.map(values)),
        phasesMa: phasesOf(currents.map(values)),
        powerW: typeof powerW === 'number' ? powerW : null,
        voltageMv: mainsOf(voltages.map(values)),
        registerWh: typeof registerWh === 'number' ? registerWh : null,
        meterId: serial === null ? null : String(serial),
      };
    },
  };
}
