import { describe, expect, test } from 'vitest';
import { LineError } from '../../edge/bus/line-error.ts';
import { Dlt645Meter } from '../../edge/devices/dlt645/meter.ts';
import type { PointValue } from '../../edge/devices/profile/condition.ts';
import { wordsOf } from '../../edge/devices/profile/point.ts';
import { decodePoint } from '../../edge/devices/registers.ts';
import { Attendant } from './attendant.ts';
import {
  METER_ADDRESS,
  METER_MODELS,
  METER_START_WH,
  METER_UNIT,
  type MeterModel,
  meteredSite,
} from './metered-site.ts';
import { everyCase, type PileCase, profiles } from './pile-cases.ts';

/**
 * Goal: a meter is read as what has come through it.
 * Method: the simulated meter in the supply of a simulated pile, on the same line; read by the edge's driver and, of a
 * Modbus meter, point by point; the simulator's truth is the judge.
 */

const LIMIT_MA = 13_000;
const onLine = everyCase.filter(({ profile }) => profile.profileId === 'heidelberg-energy-control');
const cases = onLine.flatMap((one) =>
  METER_MODELS.map((model) => [`${model} over ${one.transport}`, one, model] as const),
);

function rigOf(one: PileCase, model: MeterModel) {
  const { site, metered } = meteredSite(one, model);
  const { driver, meter } = metered;
  const attendant = new Attendant(site, site.driver);
  const fault = (as: 'marker' | 'error') => {
    site.world.advance();
    const faultId = site.world.faults.add('meter:M', { kind: 'meter-missing', as });
    return () => site.world.faults.remove(faultId);
  };
  return { ...site, attendant, fault, look: () => site.during(driver.read()), truth: () => meter.truth() };
}

/** Every point of a Modbus meter, each read by itself. */
async function pointsOf(model: MeterModel, { modbus, during }: ReturnType<typeof rigOf>) {
  const profile = profiles.get(model);
  if (profile?.kind !== 'modbus-meter') throw new Error(model);
  const { timing } = profile;
  const values: Record<string, PointValue> = {};
  for (const [name, point] of Object.entries(profile.points)) {
    const request = { fc: point.fc, address: point.address, count: wordsOf(point) };
    const asked = modbus.request({ unit: METER_UNIT, priority: 'poll', request, timing });
    values[name] = decodePoint(point, await during(asked));
  }
  return values;
}

/** The same, of a DL/T 645 meter: each value is a question by itself anyway. */
function allOf(model: MeterModel, { line, during }: ReturnType<typeof rigOf>) {
  const profile = profiles.get(model);
  if (profile?.kind !== 'dlt645-meter') throw new Error(model);
  return during(new Dlt645Meter(METER_ADDRESS, profile, line).readAll());
}

describe('ED-02 ED-03 HS-01 a meter tells import, power, currents and voltages of its own supply', () => {
  test.each(cases)('%s', async (_, one, model) => {
    const rig = rigOf(one, model);
    const { attendant, truth, look, vehicle } = rig;
    vehicle({ plugged: true });
    await attendant.tend(2000);
    for (const phases of [1, 2, 3] as const) {
      vehicle({ phases });
      await attendant.start(LIMIT_MA);
      const [currentL1, currentL2, currentL3] = truth().currentA.map((ampere) => ampere * 1000);
      expect([currentL1, currentL2, currentL3].filter((currentMa) => currentMa === LIMIT_MA)).toHaveLength(phases);
      if (model === 'dlt645-2007') {
        const { powerW, currentMa, phaseVoltagesMv } = await allOf(model, rig);
        expect({ powerW, currentMa, phaseVoltagesMv }).toEqual({
          powerW: truth().powerW,
          currentMa: LIMIT_MA,
          phaseVoltagesMv: [230_000, 230_000, 230_000],
        });
      } else {
        expect(await pointsOf(model, rig)).toMatchObject({
          currentL1,
          currentL2,
          currentL3,
          power: truth().powerW,
          voltageL1: 230_000,
          voltageL2: 230_000,
          voltageL3: 230_000,
        });
        expect(await look()).toMatchObject({
          currentMa: LIMIT_MA,
          powerW: truth().powerW,
          voltageMv: { lowest: 230_000, highest: 230_000 },
        });
      }
      await attendant.stop('softStop');
    }
    const { registerWh, meterId } = await look();
    const { registerWhTruth } = truth();
    expect(registerWhTruth).toBeGreaterThan(METER_START_WH + 40);
    expect(registerWh).toBeGreaterThan(registerWhTruth - 11);
    expect(registerWh).toBeLessThanOrEqual(registerWhTruth + 1);
    expect(meterId).toBe({ 'eastron-sdm630': '20614005', 'chint-dtsu666': null, 'dlt645-2007': METER_ADDRESS }[model]);
  });
});

describe('HS-03 ED-13 an energy register that is missing is no value, and never 0', () => {
  test.each(cases)('%s', async (_, one, model) => {
    const { look, fault } = rigOf(one, model);
    expect((await look()).registerWh).toBe(METER_START_WH);
    const clear = fault('marker');
    expect((await look()).registerWh).toBeNull();
    clear();
    const clearError = fault('error');
    await expect(look()).rejects.toBeInstanceOf(LineError);
    clearError();
    expect((await look()).registerWh).toBe(METER_START_WH);
  });
});
