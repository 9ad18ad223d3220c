import { Dlt645Meter } from '../../edge/devices/dlt645/meter.ts';
import { energyRegisterOf } from '../../edge/devices/energy-register.ts';
import { type MeterDriver, modbusMeter } from '../../edge/devices/meter-driver.ts';
import type { Meter } from '../../hardware-sim/meters/meter.ts';
import { type PileCase, pileSite, profiles } from './pile-cases.ts';
import { LINE_ID, PILE_ID } from './simulated-site.ts';

export const METER_MODELS = ['eastron-sdm630', 'chint-dtsu666', 'dlt645-2007'] as const;
export type MeterModel = (typeof METER_MODELS)[number];

export const METER_UNIT = 20;
export const METER_ADDRESS = '000012345678';
/** What the meter has counted before, import and export: an export that is added shows at once. */
export const METER_START_WH = 2_345_670;
const METER_EXPORT_WH = 98_760;

/** A meter in the supply of the pile, on the same line, with the edge's driver for it. */
export interface MeteredSite {
  readonly driver: MeterDriver;
  readonly register: ReturnType<typeof energyRegisterOf>;
  readonly meter: Meter;
}

/** The site of `one` with a meter of `model` in the pile's supply. */
export function meteredSite(one: PileCase, model: MeterModel) {
  const common = {
    meterId: 'M',
    model,
    lineId: LINE_ID,
    measures: PILE_ID,
    initialRegisterWh: METER_START_WH,
    initialExportWh: METER_EXPORT_WH,
  };
  const settings = model === 'dlt645-2007' ? { ...common, address: METER_ADDRESS } : { ...common, unit: METER_UNIT };
  const site = pileSite(one, { meters: [settings] });
  const meter = site.world.meters.get('M');
  const profile = profiles.get(model);
  if (meter === undefined || (profile?.kind !== 'modbus-meter' && profile?.kind !== 'dlt645-meter'))
    throw new Error(`no meter ${model}`);
  const driver =
    profile.kind === 'dlt645-meter'
      ? new Dlt645Meter(METER_ADDRESS, profile, site.line)
      : modbusMeter(profile, { modbus: site.modbus, unit: METER_UNIT, socket: 1 });
  return { site, metered: { driver, meter, register: energyRegisterOf(profile) } };
}
