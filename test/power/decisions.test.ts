import { expect, test } from 'vitest';
import type { NetworkChange } from '../../hardware-sim/network/changes.ts';
import { badRaises, type GridShape } from './decisions.ts';

/** The judge of the power runs, judged. */

const shape: GridShape = {
  nodesAbove: (name) => (name === 'site' ? ['site'] : ['F1', 'site']),
  limitsA: new Map([
    ['site', 100],
    ['F1', 50],
  ]),
};
const house = (monoMs: number, l1: number): NetworkChange => ({
  kind: 'house',
  nodeId: 'site',
  monoMs,
  currentsA: [l1, 0, 0],
});
const allowed = (monoMs: number, pileId: string, l1: number, l2 = 0): NetworkChange => ({
  kind: 'allowed',
  pileId,
  monoMs,
  currentsA: [l1, l2, 0],
});

test('a raise above what a feeder or the site with its house carries is found, with phase and numbers', () => {
  const bad = badRaises([house(0, 60), allowed(10_000, 'A', 30, 32), allowed(20_000, 'B', 12, 20)], shape);
  expect(bad).toMatchObject([
    { pileId: 'B', nodeId: 'site', phase: 'L1', allowedA: 42, houseA: 60, limitA: 100, monoMs: 20_000 },
    { pileId: 'B', nodeId: 'F1', phase: 'L2', allowedA: 52, houseA: 0, limitA: 50 },
  ]);
});

test('a house that grows after the decision, and a lowering above the limit, are no decisions for more', () => {
  const grown = [house(0, 50), house(9000, 95), allowed(10_000, 'A', 40)];
  expect(badRaises(grown, shape)).toEqual([]);
  expect(badRaises([house(0, 50), house(5000, 95), allowed(10_000, 'A', 40)], shape)).toHaveLength(1);
  expect(badRaises([allowed(0, 'A', 40), house(10, 90), allowed(20_000, 'A', 30)], shape)).toEqual([]);
});
