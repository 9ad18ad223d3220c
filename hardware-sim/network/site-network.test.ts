import { expect, test } from 'vitest';
import type { Call } from '../control/routes.ts';
import { route } from '../control/routes.ts';
import { runScenario } from '../scenarios/run-scenario.ts';
import { scenarioSchema } from '../scenarios/scenario.ts';
import { stationSchema } from '../station.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createWorld } from '../world.ts';

/** A whole station with a network: what piles draw is in the nodes, in the grid meter's registers, and in the control API. */

const house = { kind: 'constant', loadId: 'house', currentsA: [10, 20, 30] };
const car = { plugged: true, rampAPerS: 1000, reactionMs: 500, stopMs: 100, startMs: 100 };
const pile = (pileId: string, unit: number, model = 'heidelberg-energy-control') => ({
  pileId,
  model,
  lineId: 'rtu',
  unit,
  initialRegisterWh: 1000,
  startsPermitted: true,
  vehicle: car,
});
const DOCUMENT = {
  stationId: 's',
  seed: 1,
  lines: [{ lineId: 'rtu', transport: 'serial', baud: 9600, parity: 'none', stopBits: 1, turnaroundMs: 5 }],
  piles: [pile('A', 1), pile('B', 2), pile('D', 3, 'generic-dc')],
  meters: [
    { meterId: 'G', model: 'eastron-sdm630', lineId: 'rtu', unit: 9, measures: 'site', initialRegisterWh: 5000 },
  ],
  network: {
    nodes: [
      { nodeId: 'site', limitA: 100, loads: [house], piles: [{ pileId: 'A', phases: ['L2', 'L3', 'L1'] }] },
      {
        nodeId: 'F1',
        parent: 'site',
        piles: [
          { pileId: 'B', phases: ['L3'] },
          { pileId: 'D', phases: ['L1', 'L2', 'L3'] },
        ],
      },
    ],
  },
};

function createStation(change: object = {}) {
  const time = createManualTime(1000);
  const world = createWorld(stationSchema.parse({ ...DOCUMENT, ...change }), 1, time.clock);
  const call = (method: string, path: string, body?: unknown) =>
    route({ world, lines: new Map(), clock: time.clock, scheduler: time.scheduler }, {
      method,
      path: path.slice(1).split('/'),
      body,
    } satisfies Call);
  const slave = world.slaves.get('rtu');
  /** Registers as numbers. */
  const read = (unit: number, address: number, count: number): DataView => {
    const reply = slave?.handle(unit, Uint8Array.of(4, address >> 8, address & 255, 0, count))?.pdu;
    if (reply === undefined) throw new Error('silence');
    return new DataView(Uint8Array.from(reply.subarray(2)).buffer);
  };
  const meterA = () => [6, 8, 10].map((address) => read(9, address, 2).getFloat32(0));
  const passMs = (ms: number): void => {
    for (let rest = ms; rest > 0; rest -= 50) {
      time.passMs(Math.min(50, rest));
      world.advance();
    }
  };
  return { world, call, read, meterA, passMs, time };
}

/** All draw alike on one phase: 16 A each, and the DC pile nothing. */
const without = (pileId: string) => ({
  piles: DOCUMENT.piles.map((one) =>
    one.pileId === pileId ? { ...one, vehicle: { ...car, plugged: false } } : { ...one },
  ),
});

test('HS-02 a pile on one phase draws on one, shows no voltage on the others, and a turned one loads other phases', () => {
  const { world, read, passMs } = createStation(without('D'));
  world.piles.get('A')?.setVehicle({ phases: 1 });
  passMs(3000);
  const truth = Object.fromEntries((world.network?.truth() ?? []).map((node) => [node.nodeId, node]));
  expect(truth.site?.phases.map(({ currentA }) => currentA)).toEqual([10, 36, 46]);
  expect(truth.F1?.phases.map(({ currentA }) => currentA)).toEqual([0, 0, 16]);
  expect(truth.site?.phases.map(({ allowedA }) => allowedA)).toEqual([16, 16, 32]);
  const volts = read(2, 10, 3);
  expect([0, 2, 4].map((at) => volts.getUint16(at))).toEqual([230, 0, 0]);
  expect(world.piles.get('B')?.truth()).toMatchObject({ pileState: 'C2', currentA: [16, 0, 0] });
});

test('HS-02 a DC pile loads the three phases alike, with its losses, and counts as allowed with its limit', () => {
  const { world, passMs } = createStation(without('B'));
  world.piles.get('A')?.setVehicle({ plugged: false });
  passMs(25_000);
  const feeder = world.network?.truth()[1];
  const outputW = world.piles.get('D')?.truth().powerW ?? 0;
  expect(outputW).toBeGreaterThan(50_000);
  const phaseA = outputW / 0.95 / 690;
  expect(feeder?.phases.map(({ currentA }) => currentA)).toEqual([phaseA, phaseA, phaseA]);
  expect(feeder?.phases[0].allowedA).toBeCloseTo(120_000 / 0.95 / 690, 6);
});

test('HS-01 a grid meter on a real node tells house and piles together in its registers, and counts them', () => {
  const { world, call, meterA, passMs } = createStation(without('D'));
  passMs(3000);
  expect(meterA()).toEqual([26, 36, 62]);
  expect(call('GET', '/meters/G')).toMatchObject({ body: { measures: 'site', currentA: [26, 36, 62] } });
  const before = world.network?.truth()[0]?.energyWh ?? 0;
  passMs(9000);
  const flowedWh = (world.network?.truth()[0]?.energyWh ?? 0) - before;
  expect(flowedWh).toBeCloseTo((124 * 230) / 400, 3);
  expect(world.meters.get('G')?.truth().energyTruthWh).toBeCloseTo(before + flowedWh, 6);
});

test('HS-03 a frozen grid meter repeats all that it has shown last, and is right again when it thaws', () => {
  const { world, call, meterA, passMs } = createStation(without('D'));
  passMs(3000);
  expect(meterA()).toEqual([26, 36, 62]);
  const faultId = world.faults.add('meter:G', { kind: 'frozen-meter' });
  expect(call('PUT', '/network/site/load', { ...house, currentsA: [90, 0, 0] })).toMatchObject({ status: 200 });
  passMs(5000);
  expect(meterA()).toEqual([26, 36, 62]);
  world.faults.remove(faultId);
  expect(meterA()).toEqual([106, 16, 32]);
});

test('HS-05 the network in the control API: all nodes, one, changes, another load and another limit', () => {
  const { call, passMs } = createStation(without('D'));
  passMs(3000);
  expect(call('GET', '/truth')).toMatchObject({ body: { network: [{ nodeId: 'site' }, { nodeId: 'F1' }] } });
  expect(call('GET', '/network')).toMatchObject({ body: { nodes: [{ nodeId: 'site', parent: null }, {}] } });
  const highest = { limitA: 60, phases: [{ currentA: 26 }, { maxA: 36 }, { overshoot: { highestA: 0 } }] };
  expect(call('PUT', '/network/site/limit', { limitA: 60 })).toMatchObject({ status: 200, body: highest });
  passMs(1000);
  const above = { overshoot: { totalMs: 1000, highestA: 2, count: 1 } };
  expect(call('GET', '/network/site')).toMatchObject({ body: { phases: [{}, {}, above] } });
  const { body } = call('GET', '/network/changes/0') as { body: { next: number; changes: readonly object[] } };
  expect(body.changes).toContainEqual(expect.objectContaining({ kind: 'allowed', pileId: 'B', currentsA: [0, 0, 16] }));
  expect(call('GET', `/network/changes/${body.next}`)).toMatchObject({ body: { changes: [] } });
});

test.each([
  ['GET', '/network/F9', undefined, 404],
  ['GET', '/network/changes/x', undefined, 404],
  ['PUT', '/network/F9/limit', { limitA: 5 }, 404],
  ['PUT', '/network/F1/limit', { limitA: 0 }, 400],
  ['PUT', '/network/F1/load', { ...house, currentsA: [1, 2] }, 400],
  ['PUT', '/network/F1/piles', {}, 404],
  ['DELETE', '/network', undefined, 404],
] as const)('HS-05 %s %s with %j is answered with %i', async (method, path, body, status) => {
  expect((await createStation().call(method, path, body)).status).toBe(status);
});

test('HS-05 a station without a network has none in its truth', async () => {
  const { call } = createStation({ network: undefined, meters: [] });
  expect(await call('GET', '/network')).toMatchObject({ status: 404 });
  expect(await call('GET', '/truth')).toMatchObject({ body: { network: [] } });
});

test('HS-03 a scenario switches a house load on, and one for a node that is not there is refused', () => {
  const { world, passMs, time } = createStation(without('D'));
  const step = { atMs: 500, action: 'house-load', nodeId: 'F1', load: { ...house, loadId: 'oven' } };
  const scenario = (nodeId: string) => scenarioSchema.parse({ scenarioId: 'x', seed: 1, steps: [{ ...step, nodeId }] });
  expect(runScenario(scenario('F9'), world, time.clock, time.scheduler)).toEqual({
    ok: false,
    reason: ['steps.0: there is no node F9'],
  });
  expect(runScenario(scenario('F1'), world, time.clock, time.scheduler).ok).toBe(true);
  passMs(1000);
  expect(world.network?.truth()[1]?.phases.map(({ houseA }) => houseA)).toEqual([10, 20, 30]);
});

test('HS-01 a meter may measure a pile or a node, and nothing else; a network must fit its station', () => {
  const problems = (change: object): string[] =>
    (stationSchema.safeParse({ ...DOCUMENT, ...change }).error?.issues ?? []).map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    );
  expect(problems({})).toEqual([]);
  expect(problems({ network: undefined })).toEqual(['meters.0.measures: there is no pile site']);
  expect(problems({ piles: DOCUMENT.piles.slice(1) })).toEqual(['network.nodes.0.piles.0.pileId: there is no pile A']);
});
