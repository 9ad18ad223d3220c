import { getHeapSpaceStatistics } from 'node:v8';
import { keepMemorySmall } from './small-memory.ts';

/** A program for a test: makes garbage before and after the process is told to stay small, and says how large the space for it is. */

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

makeGarbage();
const grownMb = newSpaceMb();
keepMemorySmall();
const atOnceMb = newSpaceMb();
makeGarbage();
process.stdout.write(JSON.stringify({ grownMb, atOnceMb, laterMb: newSpaceMb() }));
