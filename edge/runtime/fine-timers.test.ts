import { describe, expect, test } from 'vitest';
import type { Timers } from '#shared/clock.ts';
import { ManualTime } from '../bus/testing.ts';
import { fineTimers } from './fine-timers.ts';
import { systemClock, systemTimers } from './system-time.ts';

const lasted = (timers: Timers, delayMs: number) =>
  new Promise<number>((resolve) => {
    const fromMs = systemClock.monoMs();
    timers.after(delayMs, () => resolve(systemClock.monoMs() - fromMs));
  });

describe('ED-04 pauses between frames', () => {
  test('are never early', async () => {
    const timers = fineTimers(systemClock, systemTimers);
    for (const delayMs of [0.3, 1, 1.75, 2.005, 4.01, 8])
      for (let i = 0; i < 5; i += 1) expect(await lasted(timers, delayMs)).toBeGreaterThanOrEqual(delayMs);
  });

  // What a busy machine adds is not the timer's doing: the quickest show its own lateness.
  test('are late by a fraction of a millisecond', async () => {
    const timers = fineTimers(systemClock, systemTimers);
    const late: number[] = [];
    for (let i = 0; i < 41; i += 1) late.push((await lasted(timers, 4.01)) - 4.01);
    expect(late.toSorted((a, b) => a - b)[3]).toBeLessThan(1);
  });

  test('take a coarse timer for all but the last stretch, and another when that one was early', async () => {
    const time = new ManualTime();
    const asked: number[] = [];
    const early: Timers = {
      after(delayMs, action) {
        asked.push(delayMs);
        return time.after(asked.length === 1 ? delayMs - 1 : delayMs, action);
      },
    };
    let doneMs = 0;
    fineTimers(time, early).after(10, () => {
      doneMs = time.monoMs();
    });
    for (let ms = 0; ms < 12; ms += 1) await time.pass(1);
    expect(asked).toEqual([8, 1]);
    expect(doneMs).toBe(1000 + 10);
  });

  test('can be cancelled in both stretches, and leave no timer behind', async () => {
    const time = new ManualTime();
    const timers = fineTimers(time, time);
    let runs = 0;
    const count = () => {
      runs += 1;
    };
    timers.after(10, count)();
    expect(time.waiting).toBe(0);
    const cancel = timers.after(10, count);
    await time.pass(9);
    cancel();
    await time.pass(100);
    expect(runs).toBe(0);
  });
});
