import type { Priority } from '../bus/exchange.ts';
import type { MeterProfile } from './profile/meter-profile.ts';
import { type DeviceAddress, RegisterDevice } from './register-device.ts';

/** One look at an energy meter. Null means that the meter did not tell, and is never zero. */
export interface MeterLook {
  /** As the meter shows it, in whole Wh, rounded down. */
  readonly registerWh: number | null;
  readonly powerW: number | null;
  /** Serial number or address: another one is another meter. */
  readonly meterId: string | null;
}

/** A meter of its own, whatever it speaks. */
export interface MeterDriver {
  /** @throws LineError */
  read(priority: Priority): Promise<MeterLook>;
  /** The meter may be another one. */
  forget(): void;
}

/** A meter that speaks Modbus. */
export function modbusMeter(profile: MeterProfile, address: DeviceAddress): MeterDriver {
  const device = new RegisterDevice(profile, address);
  const { energy, power } = profile.measures;
  return {
    forget: () => device.forget(),
    async read(priority) {
      const values = await device.read(priority);
      const numberNamed = (name: string | undefined) => {
        const value = values(name);
        return typeof value === 'number' ? value : null;
      };
      const serial = values(profile.identity.serial);
      return {
        registerWh: numberNamed(energy.point),
        powerW: numberNamed(power),
        meterId: serial === null ? null : String(serial),
      };
    },
  };
}
