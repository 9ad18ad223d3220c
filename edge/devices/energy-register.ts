import type { EnergyRegister } from '../control/meter-track.ts';
import { type Dlt645MeterProfile, wholeValue } from './dlt645/meter-profile.ts';
import type { EnergyFacts } from './profile/device-shape.ts';
import { floatTypes, type Point } from './profile/point.ts';

/** A floating-point register of some 100,000 kWh moves in steps of about this. IEEE 754 single: 24 bits. */
const FLOAT_RESOLUTION_WH = 10;

type Metered =
  | Dlt645MeterProfile
  | {
      readonly kind: 'pile' | 'modbus-meter';
      readonly points: Readonly<Record<string, Point>>;
      readonly measures: { readonly energy: EnergyFacts };
    };

/** What the control part must know of a profile's energy register. */
export function energyRegisterOf(profile: Metered): EnergyRegister {
  const { kind, rollsOverAtWh } = profile.measures.energy;
  return { kind, rollsOverAtWh, resolutionWh: resolutionWhOf(profile) };
}

function resolutionWhOf(profile: Metered): number {
  const name = profile.measures.energy.point;
  if (profile.kind === 'dlt645-meter') {
    const point = profile.points[name];
    if (point !== undefined) return wholeValue(1, point);
  } else {
    const point = profile.points[name];
    if (point !== undefined)
      return floatTypes.includes(point.type)
        ? FLOAT_RESOLUTION_WH
        : Math.max(1, Math.ceil(point.multiply / point.divide));
  }
  throw new TypeError(`no point "${name}"`);
}
