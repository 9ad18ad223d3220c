import { expect, test } from 'vitest';
import { chooseWay, FALL_BACK_AFTER_MS, FIRST_STEADY_MS, firstWay, type WayChoice } from './way-choice.ts';

/** Lets time pass in seconds. @returns the choice, and the ways that were taken on the way */
function pass(from: WayChoice, startMs: number, forMs: number, ways: number) {
  let choice = from;
  const taken: number[] = [];
  for (let nowMs = startMs; nowMs <= startMs + forMs; nowMs += 1000) {
    const next = chooseWay(choice, 'tick', ways, nowMs);
    if (next.way !== choice.way) taken.push(next.way);
    choice = next;
  }
  return { choice, taken };
}

test('SY-08 a way over which the cloud is heard is kept, whatever it costs', () => {
  const heard = chooseWay(firstWay(0), 'heard', 2, 1000);
  expect(pass(heard, 0, 86_400_000, 2).taken).toEqual([]);
});

test('SY-08 a way over which the cloud is not heard is left after the stated time, and not before', () => {
  expect(pass(firstWay(0), 0, FALL_BACK_AFTER_MS - 1, 2).taken).toEqual([]);
  expect(pass(firstWay(0), 0, FALL_BACK_AFTER_MS, 2).taken).toEqual([1]);
  const heard = chooseWay(chooseWay(firstWay(0), 'heard', 2, 1000), 'unheard', 2, 50_000);
  expect(pass(heard, 50_000, FALL_BACK_AFTER_MS - 1, 2).taken).toEqual([]);
  // Being unheard again and again does not put it off.
  const again = chooseWay(heard, 'unheard', 2, 70_000);
  expect(pass(again, 70_000, 10_000, 2).taken).toEqual([1]);
});

test('SY-08 where no way works they are tried by turns, ever more slowly', () => {
  const { taken } = pass(firstWay(0), 0, 3_600_000, 3);
  expect(taken.slice(0, 4)).toEqual([1, 2, 0, 1]);
  expect(taken.length).toBeGreaterThan(8);
  expect(taken.length).toBeLessThan(20);
});

test('SY-08 the first way is used again after it has been up for a minute without a break', () => {
  const fallen = chooseWay(pass(firstWay(0), 0, FALL_BACK_AFTER_MS, 2).choice, 'heard', 2, 31_000);
  const up = chooseWay(fallen, 'trial-up', 2, 40_000);
  expect(pass(up, 40_000, FIRST_STEADY_MS - 1, 2).taken).toEqual([]);
  expect(pass(up, 40_000, FIRST_STEADY_MS, 2).taken).toEqual([0]);
  const broken = chooseWay(chooseWay(up, 'trial-down', 2, 90_000), 'trial-up', 2, 91_000);
  expect(pass(broken, 91_000, FIRST_STEADY_MS - 1, 2).taken).toEqual([]);
});

test('SY-08 a first way that comes and goes does not take the site with it: twice the time each time', () => {
  let choice = firstWay(0);
  let nowMs = 0;
  const switches: number[] = [];
  // It is good for 70 s, and dead for 70 s, for a day.
  for (; nowMs < 86_400_000; nowMs += 1000) {
    const isGood = nowMs % 140_000 < 70_000;
    if (choice.way === 0) choice = chooseWay(choice, isGood ? 'heard' : 'unheard', 2, nowMs);
    else choice = chooseWay(chooseWay(choice, 'heard', 2, nowMs), isGood ? 'trial-up' : 'trial-down', 2, nowMs);
    const next = chooseWay(choice, 'tick', 2, nowMs);
    if (next.way !== choice.way) switches.push(nowMs);
    choice = next;
  }
  expect(choice.way).toBe(1);
  expect(switches.length).toBeLessThan(6);
});
