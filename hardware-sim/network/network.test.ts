import { expect, test } from 'vitest';
import { createManualTime } from '../world/manual-clock.ts';
import type { HouseLoadSettings } from './house-load.ts';
import { createNetwork } from './network.ts';
import { type NetworkSettings, networkProblems, networkSchema } from './network-settings.ts';
import type { NodeTruth } from './node.ts';

const still = (currentA: number): HouseLoadSettings => ({
  kind: 'constant',
  loadId: 'house',
  currentsA: [currentA, 0, 0],
});

/** A site of 40 A a phase with a house on L1; A hangs on it as wired, B on a feeder of 20 A and turned, C there on L3 alone. */
const TREE: NetworkSettings = networkSchema.parse({
  nodes: [
    { nodeId: 'site', limitA: 40, loads: [still(10)], piles: [{ pileId: 'A', phases: ['L1', 'L2', 'L3'] }] },
    {
      nodeId: 'F1',
      parent: 'site',
      limitA: 20,
      piles: [
        { pileId: 'B', phases: ['L2', 'L3', 'L1'] },
        { pileId: 'C', phases: ['L3'] },
      ],
    },
  ],
});

/** The network with piles that draw what the test says; they tell it late, when the network asks them to. */
function createRig(settings = TREE) {
  const time = createManualTime(1000);
  const told: (() => void)[] = [];
  const network = createNetwork(settings, time.clock, 7, () => {
    for (const tell of told.splice(0)) tell();
  });
  const draw = (pileId: string, currentsA: readonly [number, number, number], allowedA = currentsA): void => {
    const nowMs = time.clock.monoMs();
    told.push(() => network.listener(pileId)(nowMs, { currentsA, allowedA }));
  };
  const node = (nodeId: string): NodeTruth => {
    const found = network.truth().find((one) => one.nodeId === nodeId);
    if (found === undefined) throw new Error(`no node ${nodeId}`);
    return found;
  };
  const currentsA = (nodeId: string) => node(nodeId).phases.map((phase) => phase.currentA);
  return { network, draw, node, currentsA, passMs: time.passMs };
}

test('HS-02 currents of a pile flow in the phases that it is wired to, through its feeder and the site', () => {
  const { draw, currentsA, node, passMs } = createRig();
  draw('A', [6, 7, 8]);
  draw('B', [1, 2, 3]);
  draw('C', [9, 0, 0]);
  passMs(50);
  expect(currentsA('F1')).toEqual([3, 1, 11]);
  expect(currentsA('site')).toEqual([10 + 6 + 3, 7 + 1, 8 + 11]);
  expect(node('site').phases.map(({ houseA }) => houseA)).toEqual([10, 0, 0]);
});

test('HS-05 time above a limit is counted to the instant, also when the piles tell of it late and at once', () => {
  const { draw, node, passMs } = createRig();
  passMs(1003);
  draw('A', [35, 0, 0]);
  passMs(2507);
  draw('A', [30, 0, 0]);
  passMs(4000);
  draw('A', [31.5, 0, 0]);
  passMs(700);
  const [l1, l2] = node('site').phases;
  expect(l1.overshoot).toMatchObject({ totalMs: 3207, longestMs: 2507, count: 2, highestA: 5, houseLongestMs: 0 });
  expect(l1.overshoot.times).toEqual([
    { fromMonoMs: 2003, toMonoMs: 2003 + 2507, highestA: 5 },
    { fromMonoMs: 8510, toMonoMs: 8510 + 700, highestA: 1.5 },
  ]);
  expect(l1.overshoot.sinceMonoMs).toBe(8510);
  expect(l1.maxA).toBe(45);
  expect(l2.overshoot.count).toBe(0);
});

test('HS-05 a peak that is over when the pile tells of it is not lost', () => {
  const { draw, node, passMs } = createRig();
  draw('A', [5, 0, 0]);
  passMs(500);
  expect(node('site').phases[0].overshoot.count).toBe(0);
  draw('A', [45, 0, 0]);
  passMs(300);
  draw('A', [5, 0, 0]);
  passMs(500);
  expect(node('site').phases[0].overshoot).toMatchObject({ totalMs: 300, highestA: 15 });
});

test('HS-05 a house that alone is above the limit is told apart', () => {
  const { network, draw, node, passMs } = createRig();
  draw('A', [25, 0, 0]);
  passMs(1000);
  network.setLoad('site', still(50));
  passMs(3000);
  network.setLoad('site', still(10));
  passMs(1000);
  expect(node('site').phases[0].overshoot).toMatchObject({ longestMs: 3000, houseLongestMs: 3000, highestA: 35 });
});

test('HS-05 a lower limit holds from the moment it is set', () => {
  const { network, draw, node, passMs } = createRig();
  draw('B', [0, 0, 18]);
  passMs(5000);
  expect(network.setLimit('F1', 16)).toBe(true);
  passMs(400);
  expect(node('F1')).toMatchObject({ limitA: 16, phases: [{ overshoot: { totalMs: 400, highestA: 2 } }, {}, {}] });
  expect(network.setLimit('F9', 16)).toBe(false);
});

test('HS-05 what came through a node in an hour, and what a meter there sees', () => {
  const { network, draw, node, passMs } = createRig();
  draw('C', [10, 0, 0]);
  passMs(3_600_000);
  expect(node('F1').energyWh).toBeCloseTo(2300, 6);
  expect(node('site').energyWh).toBeCloseTo(4600, 6);
  expect(network.supply('site')?.()).toMatchObject({ powerW: 4600, currentsA: [10, 0, 10], voltageV: 230 });
  expect(network.supply('F9')).toBeUndefined();
});

test('HS-05 what registers allow and what the house takes is on the record in order, and can be asked for from anywhere', () => {
  const { network, draw, node, passMs } = createRig();
  passMs(100);
  draw('B', [0, 0, 0], [16, 16, 16]);
  draw('C', [0, 0, 0], [6, 0, 0]);
  passMs(100);
  draw('B', [12, 12, 12], [16, 16, 16]);
  network.setLoad('site', still(10.3));
  passMs(100);
  network.setLoad('site', still(30));
  const { changes, next } = network.changes.since(0);
  expect(changes.map((change) => [change.kind, change.monoMs, change.currentsA])).toEqual([
    ['house', 1000, [10, 0, 0]],
    ['house', 1000, [0, 0, 0]],
    ['allowed', 1100, [16, 16, 16]],
    ['allowed', 1100, [0, 0, 6]],
    ['house', 1300, [30, 0, 0]],
  ]);
  expect(node('F1').phases.map(({ allowedA }) => allowedA)).toEqual([16, 16, 22]);
  expect(network.changes.since(next)).toEqual({ next, changes: [] });
  expect(network.changes.since(next - 1).changes).toEqual(changes.slice(-1));
});

const problemsOf = (...nodes: unknown[]) =>
  networkProblems(networkSchema.parse({ nodes }), [{ pileId: 'A' }, { pileId: 'B' }]).map(({ message }) => message);
const onL1 = (pileId: string) => ({ pileId, phases: ['L1'] });

test.each([
  ['an unknown pile', [{ nodeId: 'site', piles: [onL1('Z')] }], 'there is no pile Z'],
  ['a pile fed twice', [{ nodeId: 'site', piles: [onL1('A'), onL1('A')] }], 'pile A is fed twice'],
  ['a node with the name of a pile', [{ nodeId: 'A' }], 'A is named twice'],
  ['two roots', [{ nodeId: 'site' }, { nodeId: 'F1' }], 'no node undefined stands before it'],
  [
    'a circle',
    [{ nodeId: 'site' }, { nodeId: 'F1', parent: 'F2' }, { nodeId: 'F2', parent: 'F1' }],
    'no node F2 stands before it',
  ],
  ['a root that is fed', [{ nodeId: 'site', parent: 'F1' }], 'nothing feeds the first node'],
  ['two loads of one name', [{ nodeId: 'site', loads: [still(1), still(2)] }], 'load house is named twice'],
])('HS-02 %s is refused', (_name, nodes, message) => {
  expect(problemsOf(...nodes)).toContain(message);
});

test('HS-02 a pile has one phase or three different ones', () => {
  const phases = (...wired: string[]) =>
    networkSchema.safeParse({ nodes: [{ nodeId: 'site', piles: [{ pileId: 'A', phases: wired }] }] }).success;
  expect([phases('L2'), phases('L3', 'L1', 'L2')]).toEqual([true, true]);
  expect([phases(), phases('L1', 'L2'), phases('L1', 'L1', 'L2'), phases('L4')]).not.toContain(true);
});
