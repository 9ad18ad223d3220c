import { describe, expect, test } from 'vitest';
import { faultIn, isOff, type Reading } from '../../edge/control/reading.ts';
import { BST_REASONS, type BstReason } from '../../hardware-sim/faults/bst-reasons.ts';
import type { PileFault } from '../../hardware-sim/faults/fault.ts';
import { Attendant } from './attendant.ts';
import { dcCases, INITIAL_REGISTER_WH, type PileCase, pileSite } from './pile-cases.ts';

/**
 * Goal: what the profile of the DC pile says is what the simulated one does.
 * Method: the edge's driver on a simulated line in simulated time; the simulator's truth is the judge.
 */

/** 655 W of output for 1 A in each phase of the supply. */
const LIMIT_MA = 40_000;
const LIMIT_W = 26_200;

const named = dcCases.map((one) => [one.name, one] as const);
const [first] = dcCases;
if (first === undefined) throw new Error('no DC pile');

async function pluggedRig(one: PileCase) {
  const site = pileSite(one);
  const attendant = new Attendant(site, site.driver);
  await attendant.tend(2000);
  expect(attendant.reading).toMatchObject({ status: 'unplugged', socPercent: null, fault: null });
  site.vehicle({ plugged: true, soc: 0.4 });
  await attendant.tend(2000);
  return { ...site, attendant };
}

async function chargingRig(one: PileCase) {
  const rig = await pluggedRig(one);
  await rig.attendant.start(LIMIT_MA);
  expect(rig.attendant.reading).toMatchObject({ status: 'charging', fault: null });
  return rig;
}

const codeOf = (reading: Reading | null) => (reading === null ? 'no reading' : faultIn(reading));

describe('ED-01 HS-01 a DC pile is set up, started and stopped by its profile', () => {
  test.each(named)('%s', async (_, one) => {
    const { attendant, truth } = await pluggedRig(one);
    expect(attendant.reading).toMatchObject({ status: 'plugged', currentMa: 0, powerW: 0 });
    for (const stop of ['softStop', 'hardStop'] as const) {
      await attendant.start(LIMIT_MA);
      const { reading } = attendant;
      expect(truth().powerW).toBeCloseTo(LIMIT_W, 0);
      expect(reading).toMatchObject({
        status: 'charging',
        fault: null,
        faultDetail: null,
        powerW: LIMIT_W,
        currentMa: LIMIT_MA,
        setpointMa: LIMIT_MA,
        socPercent: Math.floor(truth().soc * 100),
      });
      const outputMv = (truth().dc?.outputV ?? 0) * 1000;
      expect(Math.abs((reading?.voltageMv?.highest ?? 0) - outputMv)).toBeLessThanOrEqual(100);
      expect(Math.abs((reading?.temperatureDc ?? 0) - truth().gunTemperatureC * 10)).toBeLessThan(5);

      await attendant.stop(stop);
      expect(truth()).toMatchObject({ contactorClosed: false, powerW: 0 });
      expect(attendant.reading).toMatchObject({ status: 'plugged', fault: null, currentMa: 0 });
    }
    const flowedWh = truth().energyTruthWh;
    expect(flowedWh).toBeGreaterThan(50);
    expect(attendant.reading?.registerWh).toBe(Math.floor(INITIAL_REGISTER_WH + flowedWh));
  });

  test('ED-07 contacts that stay closed are no proof of a stop, whatever the state says', async () => {
    const { attendant, fault, truth } = await chargingRig(first);
    fault({ kind: 'welded-contactor', vehicleKeepsDrawing: false, detectedByPile: false });
    await attendant.stop('softStop');
    expect(truth()).toMatchObject({ contactorClosed: true, powerW: 0 });
    expect(attendant.reading).toMatchObject({ status: 'charging', currentMa: 0 });
    expect(attendant.reading === null || isOff(attendant.reading)).toBe(false);
  });
});

describe('ED-05.j why the vehicle ends a DC charge is read as one of the catalogue', () => {
  const codes: Readonly<Record<BstReason, string | null>> = {
    'soc-target': null,
    'voltage-target': null,
    'cell-voltage-target': null,
    'charger-asked': null,
    insulation: 'bms-insulation',
    'connector-over-temperature': 'bms-connector-over-temperature',
    'component-over-temperature': 'bms-component-over-temperature',
    connector: 'bms-connector-fault',
    'pack-over-temperature': 'bms-battery-over-temperature',
    'hv-relay': 'bms-relay-fault',
    'cc2-voltage': 'bms-connection-voltage',
    other: 'bms-fault',
    'over-current': 'bms-over-current',
    'abnormal-voltage': 'bms-voltage-fault',
    silent: 'bms-silent',
  };

  test.each(BST_REASONS)('%s', async (reason) => {
    const { attendant, fault, vehicle, truth } = await chargingRig(first);
    const clear = fault({ kind: 'bms-abort', reason });
    await attendant.tend(6000);
    expect(truth().contactorClosed).toBe(false);
    expect(codeOf(attendant.reading)).toBe(codes[reason]);
    clear();
    vehicle({ plugged: false });
    await attendant.tend(2000);
    expect(attendant.reading).toMatchObject({ status: 'unplugged', fault: null });
    vehicle({ plugged: true });
    await attendant.tend(2000);
    expect(attendant.reading).toMatchObject({ status: 'plugged', fault: null });
  });
});

describe('ED-05.g ED-05.j HS-03 what the DC pile itself finds is read as one of the catalogue', () => {
  test.each<[string, PileFault, string]>([
    ['ED-05.a', { kind: 'emergency-stop' }, 'emergency-stop'],
    ['ED-05.g', { kind: 'insulation-fault' }, 'insulation-fault'],
    ['ED-05.h', { kind: 'residual-current' }, 'residual-current'],
    ['ED-05.g', { kind: 'ground-fault' }, 'ground-fault'],
    ['ED-05.f', { kind: 'overload' }, 'overload'],
    ['ED-05.b', { kind: 'over-temperature', where: 'gun', temperatureC: 95 }, 'over-temperature'],
    ['ED-05.o', { kind: 'pile-error', errorCode: 99 }, 'unknown-fault'],
  ])('%s %j: %s', async (_, trouble, code) => {
    const { attendant, fault, vehicle, truth } = await chargingRig(first);
    const clear = fault(trouble);
    await attendant.tend(5000);
    expect(truth().contactorClosed).toBe(false);
    expect(codeOf(attendant.reading)).toBe(code);
    clear();
    if (code === 'over-temperature') return;
    await attendant.tend(2000);
    expect(codeOf(attendant.reading)).toBe(trouble.kind === 'pile-error' ? 'unknown-fault' : null);
    vehicle({ plugged: false });
    await attendant.tend(2000);
    expect(attendant.reading).toMatchObject({ status: 'unplugged', fault: null });
  });

  test('ED-05.o a code that nobody knows is a fault, although the pile goes on, and its number is told', async () => {
    const { attendant, fault, truth } = await chargingRig(first);
    const clear = fault({ kind: 'vendor-fault', code: 77 });
    await attendant.tend(2000);
    expect(truth().contactorClosed).toBe(true);
    expect(attendant.reading).toMatchObject({ fault: 'unknown-fault', faultDetail: 'fault 77 (0x4d)' });
    clear();
    await attendant.tend(2000);
    expect(attendant.reading).toMatchObject({ status: 'charging', fault: null });
  });
});

describe('ED-18 the watchdog of the DC pile', () => {
  test('never trips while it is polled, and ends the charge when the edge falls silent', async () => {
    const { attendant, time, truth } = await chargingRig(first);
    await attendant.tend(120_000);
    expect(truth()).toMatchObject({ contactorClosed: true, watchdog: { tripped: false, timeoutMs: 30_000 } });
    await time.pass(36_000);
    expect(truth()).toMatchObject({ contactorClosed: false, watchdog: { tripped: true } });
    await attendant.tend(2000);
    expect(attendant.reading).toMatchObject({ status: 'plugged', fault: null });
  });

  test('a pile that restarts has what set-up would write, as delivered', async () => {
    const { driver, during, time, powerCycle } = await pluggedRig(first);
    await during(driver.setUp());
    powerCycle(200);
    await time.pass(1000);
    await during(driver.prove('poll'));
  });
});
