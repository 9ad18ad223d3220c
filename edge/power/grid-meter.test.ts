import { describe, expect, test } from 'vitest';
import {
  freshGrid,
  type GridLook,
  type GridState,
  gridLooked,
  gridTurned,
  houseLoad,
  type PilesTake,
} from './grid-meter.ts';
import type { PerPhase } from './network.ts';

const even = (ma: number): PerPhase => [ma, ma, ma];
const take = (ma: number, change: Partial<PilesTake> = {}): PilesTake => ({
  mostMa: even(ma),
  leastMa: even(ma),
  seenSinceMonoMs: Number.POSITIVE_INFINITY,
  ...change,
});
let told = 0;
const look = (askedMonoMs: number, ma: number | null, change: Partial<GridLook> = {}): GridLook => {
  told += 1;
  return {
    askedMonoMs,
    phasesMa: ma === null ? null : even(ma),
    told: String(told),
    registeredMa: 3 * (ma ?? 0),
    ...change,
  };
};
const LIMIT = even(100_000);
/** Looked at every second from then on; each look is good as far as the function says. */
function course(seconds: number, of: (second: number) => GridLook | null, piles: PilesTake = take(0)): GridState {
  let state = freshGrid(0);
  for (let second = 1; second <= seconds; second += 1) {
    const one = of(second);
    if (one !== null) state = gridLooked(state, one);
    state = gridTurned(state, piles, LIMIT, 1000 * second);
  }
  return state;
}

describe('ED-14 what else is taken is what the meter shows beside the piles', () => {
  test('rounded up; the largest of the last 10 s counts, and never less than nothing', () => {
    const state = course(20, (s) => look(1000 * s, s === 15 ? 30_100 : 20_100), take(10_000));
    expect(houseLoad(state)).toEqual(even(20_500));
    expect(houseLoad(course(30, (s) => look(1000 * s, s === 15 ? 30_100 : 20_100), take(10_000)))).toEqual(
      even(10_500),
    );
    expect(houseLoad(course(3, (s) => look(1000 * s, 9000), take(10_000, { leastMa: even(0) })))).toEqual(even(0));
  });

  test('a look waits for the piles to be read after it: what has just begun to flow there is not the house', () => {
    let state = gridLooked(freshGrid(0), look(1000, 16_000));
    state = gridTurned(state, take(0, { seenSinceMonoMs: 1000 }), LIMIT, 1100);
    expect(houseLoad(state)).toBeNull();
    state = gridTurned(state, take(16_000, { seenSinceMonoMs: 1900 }), LIMIT, 1900);
    expect(houseLoad(state)).toEqual(even(0));
  });

  test('it does not wait for ever, and not at all when more flows than the node carries', () => {
    const waiting = gridLooked(freshGrid(0), look(1000, 16_000));
    const silent = take(0, { seenSinceMonoMs: 0 });
    expect(houseLoad(gridTurned(waiting, silent, LIMIT, 3499))).toBeNull();
    expect(houseLoad(gridTurned(waiting, silent, LIMIT, 3500))).toEqual(even(16_000));
    expect(houseLoad(gridTurned(waiting, silent, even(15_000), 1000))).toEqual(even(16_000));
  });
});

describe('ED-14 a meter that cannot be relied on is lost after 5 s, and back after 30 s of good looks', () => {
  const good = (s: number) => look(1000 * s, 10_000);
  test.each<[string, (second: number) => GridLook | null, RegExp]>([
    ['silent', () => null, /silent for/],
    ['without a phase', (s) => look(1000 * s, null), /does not tell the current of each phase/],
    ['with a current that no cable carries', (s) => look(1000 * s, 5_000_000), /it tells 5000000/],
    ['with one that is none', (s) => look(1000 * s, Number.NaN), /it tells NaN/],
    [
      'that shows less than the piles take',
      (s) => look(1000 * s, 20_000),
      /it tells 20000 mA on L1, where the piles alone take 40000/,
    ],
    [
      'that tells the same, energy and all',
      (s) => look(1000 * s, 60_000, { told: 'frozen' }),
      /stays the same, its energy as well/,
    ],
  ])('%s', (_, bad, reason) => {
    const piles = take(40_000);
    const fine = (s: number) => look(1000 * s, 60_000);
    const atFirst = course(4, fine, piles);
    expect(atFirst.lost).toBeNull();
    const isBad = (s: number) => (s <= 4 ? fine(s) : bad(s));
    expect(course(30, isBad, piles).lost).toMatch(reason);
    const back = (until: number) => course(until, (s) => (s > 4 && s <= 30 ? bad(s) : fine(s)), piles).lost;
    expect(back(60)).not.toBeNull();
    expect(back(62)).toBeNull();
  });

  test('a single bad look, or a few seconds of silence, is nothing', () => {
    expect(course(40, (s) => (s % 5 === 0 ? good(s) : null)).lost).toBeNull();
    expect(course(40, (s) => (s % 3 === 0 ? look(1000 * s, null) : good(s))).lost).toBeNull();
  });

  test('a meter at rest may tell the same for long: nothing flows that it could count', () => {
    expect(course(600, (s) => look(1000 * s, 0, { told: 'rest' })).lost).toBeNull();
    expect(course(20, (s) => look(1000 * s, 300, { told: 'nearly' })).lost).toBeNull();
  });
});
