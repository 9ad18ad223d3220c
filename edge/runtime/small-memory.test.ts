import { getHeapSpaceStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { keepMemorySmall } from './small-memory.ts';

const newSpaceMb = () =>
  (getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0) / 1e6;

/** Objects that live a little while, as those of many polls do: the space for new ones grows with them. */
function makeGarbage(): void {
  let kept: number[][] = [];
  for (let i = 0; i < 300_000; i += 1) {
    kept.push([i, i, i, i]);
    if (kept.length > 20_000) kept = kept.slice(10_000);
  }
}

test('the space for new objects shrinks at once, and stays small whatever is made', () => {
  makeGarbage();
  expect(newSpaceMb()).toBeGreaterThan(4);
  keepMemorySmall();
  expect(newSpaceMb()).toBeLessThan(4);
  makeGarbage();
  expect(newSpaceMb()).toBeLessThan(4);
});
