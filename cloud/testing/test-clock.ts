import { performance } from 'node:perf_hooks';
import type { Clock } from '#shared/clock.ts';

export interface TestClock extends Clock {
  advance(ms: number): void;
}

/** A clock that stands still until it is told to go on. */
export function createTestClock(startMs = Date.parse('2026-11-20T10:00:00.000Z')): TestClock {
  let nowMs = startMs;
  return {
    wallMs: () => nowMs,
    monoMs: () => nowMs - startMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** The machine's time, for tests in which nothing depends on it. */
export const machineClock: Clock = {
  wallMs: () => Math.round(performance.timeOrigin + performance.now()),
  monoMs: () => Math.round(performance.now()),
};
