import { expect, test } from 'vitest';
import { seededRandom } from '../faults/random.ts';
import { createHouseLoad, houseLoadSchema } from './house-load.ts';

const loadOf = (settings: object, seed = 1) =>
  createHouseLoad(houseLoadSchema.parse({ loadId: 'house', ...settings }), 1000, seededRandom(seed));
const points = [
  { atMs: 1000, currentsA: [10, 20, 0] },
  { atMs: 3000, currentsA: [30, 0, 0] },
];

test.each([
  ['lines', 500, [10, 20, 0]],
  ['lines', 2000, [20, 10, 0]],
  ['lines', 9000, [30, 0, 0]],
  ['steps', 2999, [10, 20, 0]],
  ['steps', 3000, [30, 0, 0]],
])('HS-02 a profile of %s shows at %i ms what its points say', (between, elapsedMs, expected) => {
  expect(loadOf({ kind: 'profile', between, points }).currentsAt(1000 + elapsedMs)).toEqual(expected);
});

test('HS-02 a profile that repeats begins again', () => {
  const load = loadOf({ kind: 'profile', points, repeatMs: 4000 });
  expect(load.currentsAt(1000 + 4000 * 3 + 2000)).toEqual([20, 10, 0]);
});

test('HS-02 a random walk moves each phase by itself within its bounds, alike for one seed', () => {
  const walk = { kind: 'random-walk', startA: [20, 20, 20], stepA: 5, everyMs: 100, minA: 18, maxA: 24 };
  const seen = (seed: number) => {
    const load = loadOf(walk, seed);
    return Array.from({ length: 200 }, (_, i) => load.currentsAt(1000 + i * 50));
  };
  const flat = seen(3).flat();
  expect([Math.min(...flat), Math.max(...flat)]).toEqual([18, 24]);
  expect(seen(3)[1]).toEqual([20, 20, 20]);
  expect(new Set(seen(3)[2]).size).toBe(3);
  expect(seen(3)).toEqual(seen(3));
  expect(seen(3)).not.toEqual(seen(4));
});
