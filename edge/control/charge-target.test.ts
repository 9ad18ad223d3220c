import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChargeLimits } from '#shared/charge-limits.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { charging, facts, plugged, Rig, restartFromDisk, startCommand, tariff } from './testing.ts';

interface Physics {
  readonly powerW: number;
  /** Between two looks, in turn. */
  readonly lookMs: readonly number[];
  /** From the stop's write until the current is off. */
  readonly stopsInMs: number;
  readonly resolutionWh: number;
}
interface Wanted {
  readonly limits?: ChargeLimits;
  readonly holdMinor?: number;
  readonly tariff?: Tariff;
  readonly hours?: number;
}

const lead = { pollMs: 1000, stopsInMs: 3000 };

/** A pile that delivers at a steady power until some time after it has been told to stop, by a register that counts in steps. */
function charge({ powerW, lookMs, stopsInMs, resolutionWh }: Physics, wanted: Wanted) {
  const { tariff: own = tariff, hours = 2, ...asked } = wanted;
  const rig = new Rig({
    facts: { stopLeadMs: lead.pollMs + lead.stopsInMs, energy: { ...facts.energy, resolutionWh } },
  });
  rig.toCharging(startCommand({ ...asked, tariff: own })).acknowledge();
  const startedMs = rig.monoMs;
  const shown = (monoMs: number) => {
    const flowedWh = (powerW * (monoMs - startedMs)) / 3_600_000;
    return 50_000 + Math.floor(flowedWh / resolutionWh) * resolutionWh;
  };
  for (let i = 0; rig.phase === 'charging' && rig.monoMs - startedMs < hours * 3_600_000; i += 1) {
    rig.pass(lookMs[i % lookMs.length] ?? 1000);
    rig.see({ ...charging, powerW, currentMa: 15_000, registerWh: shown(rig.monoMs) });
  }
  if (rig.phase !== 'stopping') throw new Error(`not stopped in ${hours} h but ${rig.phase}`);
  const decidedMs = rig.monoMs - startedMs;
  const offMs = rig.monoMs + stopsInMs;
  rig.send({ kind: 'written', write: 'softStop' });
  rig.pass(stopsInMs + 100).see({ ...plugged, registerWh: shown(offMs) });
  for (let i = 0; i < 6 && rig.phase === 'stopping'; i += 1)
    rig.pass(1000).see({ ...plugged, registerWh: shown(offMs) });
  return { rig, cdr: rig.cdr, decidedMs };
}

const steady: Physics = { powerW: 10_800, lookMs: [1000], stopsInMs: 3000, resolutionWh: 1 };

describe('CH-02 CH-04 a charge ends where it was asked to', () => {
  test('at an energy: 3 Wh a second flow, so it is stopped some four seconds before', () => {
    const { cdr, decidedMs } = charge(steady, { limits: { energyWh: 1000 } });
    expect(cdr).toMatchObject({ stopReason: 'target-reached', target: 'energy', energyWh: 999, voidReason: null });
    expect(cdr).toMatchObject({ limits: { energyWh: 1000 }, faultCode: null });
    expect(decidedMs).toBe(330_000);
  });

  test('at a time', () => {
    const { cdr } = charge(steady, { limits: { durationMs: 600_000 } });
    expect(cdr).toMatchObject({ stopReason: 'target-reached', target: 'duration' });
    expect(cdr.durationMs).toBeGreaterThan(590_000);
  });

  test('at an amount', () => {
    const { cdr } = charge(steady, { limits: { amountMinor: 150 } });
    expect(cdr).toMatchObject({ stopReason: 'target-reached', target: 'amount' });
    expect(cdr.rating?.totalMinor).toBeGreaterThanOrEqual(148);
    expect(cdr.rating?.totalMinor).toBeLessThanOrEqual(150);
  });

  test('when as much as was held has been used, which is no fault of anybody', () => {
    const { cdr } = charge(steady, { holdMinor: 150, limits: { amountMinor: 300 } });
    expect(cdr).toMatchObject({ stopReason: 'hold-used-up', target: 'hold', holdMinor: 150, faultCode: null });
    expect(cdr.rating?.totalMinor).toBeLessThanOrEqual(150);
    expect(cdr.rating?.totalMinor).toBeGreaterThanOrEqual(148);
  });

  test('at what the vehicle says it holds', () => {
    const rig = new Rig().toCharging(startCommand({ limits: { socPercent: 80 } })).acknowledge();
    rig.pass(1000).see({ ...charging, registerWh: 50_003, socPercent: 79 });
    expect(rig.phase).toBe('charging');
    rig.pass(1000).see({ ...charging, registerWh: 50_006, socPercent: 80 });
    expect(rig.phase).toBe('stopping');
    rig.proveOff(50_010);
    expect(rig.cdr).toMatchObject({ stopReason: 'target-reached', target: 'soc' });
  });

  test('a vehicle that tells no charge is not stopped for it', () => {
    const rig = new Rig()
      .toCharging(startCommand({ limits: { socPercent: 80 } }))
      .acknowledge()
      .charge(60);
    expect(rig.phase).toBe('charging');
  });

  test('a pile that is not heard may be delivering all it can', () => {
    const rig = new Rig().toCharging(startCommand({ limits: { energyWh: 40 } })).acknowledge();
    // 12,144 W for 4 s are 14 Wh, after 9 s at 3 Wh a second there are 13 left.
    rig.charge(8, { ...charging, powerW: 1000 });
    expect(rig.phase).toBe('charging');
    rig.pass(1000).see({ ...charging, powerW: 1000, registerWh: 50_027 });
    rig.pass(1000).lose();
    expect(rig.phase).toBe('stopping');
  });

  test('a meter that has fallen silent has counted on: 3 Wh a second', () => {
    const rig = new Rig()
      .toCharging(startCommand({ limits: { energyWh: 100 } }))
      .acknowledge()
      .charge(10);
    for (let i = 0; i < 15; i += 1) rig.pass(1000).see({ ...charging, registerWh: null });
    expect(rig.phase).toBe('charging');
    for (let i = 0; i < 5; i += 1) rig.pass(1000).see({ ...charging, registerWh: null });
    expect(rig.phase).toBe('stopping');
  });

  test('no alarm is raised and nothing is latched', () => {
    const { rig } = charge(steady, { limits: { energyWh: 100 } });
    expect(rig.recordsOf('alarm.raised')).toEqual([]);
    expect(rig.state.latched).toEqual([]);
  });

  test('ED-09 it is known after a restart', () => {
    const rig = restartFromDisk(new Rig().toCharging(startCommand({ limits: { energyWh: 60 } })).acknowledge(), 3000);
    rig.see({ ...charging, registerWh: 50_012 });
    rig.charge(20);
    expect(rig.phase).toBe('stopping');
    rig.proveOff();
    expect(rig.cdr).toMatchObject({ target: 'energy', limits: { energyWh: 60 } });
  });
});

const physics: fc.Arbitrary<Physics> = fc.record({
  powerW: fc.integer({ min: 5000, max: 12_000 }),
  lookMs: fc.array(fc.integer({ min: 500, max: lead.pollMs }), { minLength: 1, maxLength: 5 }),
  stopsInMs: fc.integer({ min: 0, max: lead.stopsInMs }),
  resolutionWh: fc.constantFrom(1, 10, 100),
});

describe('CH-02 as long as looks and stop take their time at most, no target is passed, and none is missed by more than that', () => {
  const aheadWh = ({ powerW, resolutionWh }: Physics) =>
    Math.ceil((powerW * (2 * lead.pollMs + lead.stopsInMs)) / 3_600_000) + 2 * resolutionWh;

  test('an energy', () => {
    fc.assert(
      fc.property(physics, fc.integer({ min: 300, max: 900 }), (how, energyWh) => {
        const { cdr } = charge(how, { limits: { energyWh } });
        expect(cdr.energyWh).toBeLessThanOrEqual(energyWh);
        expect(cdr.energyWh).toBeGreaterThanOrEqual(energyWh - aheadWh(how));
      }),
      { numRuns: 25, seed: 61_851 },
    );
  });

  test('a hold', () => {
    fc.assert(
      fc.property(physics, fc.integer({ min: 30, max: 80 }), (how, holdMinor) => {
        const { cdr } = charge(how, { holdMinor });
        const totalMinor = cdr.rating?.totalMinor ?? -1;
        expect(totalMinor).toBeLessThanOrEqual(holdMinor);
        // 1 Wh is 0.1 minor units.
        expect(totalMinor).toBeGreaterThanOrEqual(holdMinor - Math.ceil(aheadWh(how) / 10) - 1);
      }),
      { numRuns: 25, seed: 61_851 },
    );
  });
});
