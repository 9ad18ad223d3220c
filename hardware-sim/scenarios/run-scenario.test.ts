import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openMemoryStationLine } from '../line/open-station-line.ts';
import { loadStation, stationSchema } from '../station.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createWorld } from '../world.ts';
import { runScenario } from './run-scenario.ts';
import { type Scenario, scenarioSchema } from './scenario.ts';

const EXAMPLE: unknown = JSON.parse(readFileSync(join(import.meta.dirname, 'rough-evening.json'), 'utf8'));

function demoWorld() {
  const loaded = loadStation(join(import.meta.dirname, '..', 'stations', 'demo.json'));
  if (!loaded.ok) throw new Error('demo station refused');
  const time = createManualTime(1000);
  const world = createWorld(loaded.station, 1, time.clock);
  const run = (scenario: Scenario) => runScenario(scenario, world, time.clock, time.scheduler);
  const faults = () => world.faults.list().map(({ target, fault }) => `${target} ${fault.kind}`);
  return { time, world, run, faults };
}

function scenarioOf(...steps: unknown[]): Scenario {
  return scenarioSchema.parse({ scenarioId: 's', seed: 1, steps });
}

test('HS-03 the example scenario happens step by step in simulated time', async () => {
  const { time, world, run, faults } = demoWorld();
  const rtu1 = world.lines.get('rtu1');
  const slave = world.slaves.get('rtu1');
  if (rtu1 === undefined || slave === undefined) throw new Error('no line rtu1');
  const { line } = openMemoryStationLine(rtu1, {
    slave,
    faults: world.faults,
    clock: time.clock,
    scheduler: time.scheduler,
    onError: (error) => {
      throw error;
    },
  });
  const closedAtMs: number[] = [];
  const master = line.newMaster();
  await master.open({ onBytes: () => {}, onClosed: () => closedAtMs.push(time.clock.monoMs()) });

  const running = run(scenarioSchema.parse(EXAMPLE));
  expect(running).toMatchObject({ ok: true, value: { endsAtMonoMs: 61_000 } });
  time.passMs(10);
  expect(world.piles.get('A1')?.truth().plugged).toBe(true);
  expect(faults()).toEqual([]);
  time.passMs(5000);
  expect(faults()).toEqual(['line:rtu1 noise']);
  time.passMs(17_000);
  expect(closedAtMs).toHaveLength(1);
  expect(closedAtMs[0]).toBeGreaterThanOrEqual(21_000);
  expect(closedAtMs[0]).toBeLessThan(23_000);
  expect(faults()).toEqual(['line:rtu1 noise', 'line:rtu1 unplugged']);
  time.passMs(5000);
  expect(faults()).toEqual(['line:rtu1 noise']);
  time.passMs(6000);
  expect(faults()).toEqual(['pile:A2 power-cut']);
  time.passMs(8000);
  expect(faults()).toContain('line:tcp1 unplugged');
  time.passMs(2000);
  expect(faults()).not.toContain('line:tcp1 unplugged');
  time.passMs(20_000);
  expect(world.piles.get('A1')?.truth().plugged).toBe(false);
});

test('HS-03 the same seed gives a scenario the same times', () => {
  const strikes = (seed: number): number => {
    const { time, run, faults } = demoWorld();
    run({ ...scenarioOf({ atMs: 0, jitterMs: 1000, action: 'unplug', lineId: 'rtu1' }), seed });
    let waitedMs = 0;
    for (; faults().length === 0; waitedMs += 1) time.passMs(1);
    return waitedMs;
  };
  expect(strikes(5)).toBe(strikes(5));
  expect(strikes(5)).not.toBe(strikes(6));
});

test('HS-03 a cancelled scenario takes no further step', () => {
  const { time, run, faults } = demoWorld();
  const running = run(
    scenarioOf({ atMs: 10, action: 'unplug', lineId: 'rtu1' }, { atMs: 20, action: 'plug', lineId: 'rtu1' }),
  );
  time.passMs(15);
  if (!running.ok) throw new Error('refused');
  running.value.cancel();
  time.passMs(100);
  expect(faults()).toEqual(['line:rtu1 unplugged']);
});

test('HS-03 a scenario that does not fit the station is refused as a whole, with each reason', () => {
  const { time, run, faults } = demoWorld();
  const refused = run(
    scenarioOf(
      { atMs: 0, action: 'unplug', lineId: 'rtu1' },
      { atMs: 0, action: 'plug', lineId: 'rtu9' },
      { atMs: 0, action: 'vehicle', pileId: 'Z1', settings: {} },
      { atMs: 0, action: 'fault-on', target: 'pile:B1', fault: { kind: 'crc-error' } },
      { atMs: 0, action: 'fault-off', name: 'never' },
      { atMs: 0, action: 'fault-on', target: 'meter:M9', fault: { kind: 'silence' } },
    ),
  );
  expect(refused).toEqual({
    ok: false,
    reason: [
      'steps.1: there is no line:rtu9',
      'steps.2: there is no pile:Z1',
      expect.stringMatching(/^steps.3: kind: crc-error needs serial frames/),
      'steps.4: no step switches on a fault never',
      'steps.5: there is no meter:M9',
    ],
  });
  time.passMs(100);
  expect(faults()).toEqual([]);
});

test('HS-03 a fault that the model of a pile cannot show is refused before the scenario begins', () => {
  const line = { lineId: 'rtu1', transport: 'serial', baud: 19200, parity: 'even', stopBits: 1, turnaroundMs: 8 };
  const pile = { pileId: 'A1', model: 'abb-terra-ac', lineId: 'rtu1', unit: 1, initialRegisterWh: 0 };
  const station = stationSchema.parse({ stationId: 's', seed: 1, lines: [line], piles: [pile] });
  const { clock, scheduler } = createManualTime();
  const fault = { kind: 'meter-missing', as: 'error' };
  const scenario = scenarioOf({ atMs: 0, action: 'fault-on', target: 'pile:A1', fault });
  expect(runScenario(scenario, createWorld(station, 1, clock), clock, scheduler)).toEqual({
    ok: false,
    reason: [expect.stringMatching(/^steps.0: kind: pile A1 has no total energy register/)],
  });
});

test.each([
  [{ atMs: 0, action: 'dance' }, 'action'],
  [{ atMs: -1, action: 'plug', lineId: 'rtu1' }, 'atMs'],
  [{ atMs: 0, action: 'plug', lineId: 'rtu1', force: true }, ''],
  [{ atMs: 0, action: 'fault-on', target: 'car:A1', fault: { kind: 'silence' } }, 'target'],
  [{ atMs: 0, action: 'fault-on', target: 'pile:A1', fault: { kind: 'delay' } }, 'fault.delayMs'],
  [{ atMs: 0, action: 'fault-on', target: 'line:rtu1', fault: { kind: 'stuck-meter' } }, 'fault.kind'],
])('HS-03 the step %j is refused at %s', (step, path) => {
  const checked = scenarioSchema.safeParse({ scenarioId: 's', seed: 1, steps: [step] });
  expect(checked.error?.issues[0]?.path.join('.')).toBe(`steps.0${path === '' ? '' : `.${path}`}`);
});
