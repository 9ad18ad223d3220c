import { performance } from 'node:perf_hooks';
import type { MonoClock, Scheduler } from '../world/clock.ts';

/** Node's timers fire up to about this much late, so the last stretch is walked in short steps instead. */
const FINE_STRETCH_MS = 2;

/** Monotonic time of this process in ms. */
export const processClock: MonoClock = { monoMs: () => performance.now() };

/** Timers of this process: `at` never fires early and is rarely more than a fraction of a millisecond late. */
export const processScheduler: Scheduler = {
  every: (periodMs, run) => {
    const timer = setInterval(run, periodMs);
    return () => clearInterval(timer);
  },
  at: runAt,
};

function runAt(dueMonoMs: number, run: () => void): () => void {
  let cancelled = false;
  const approach = (): void => {
    if (cancelled) return;
    const leftMs = dueMonoMs - processClock.monoMs();
    if (leftMs <= 0) run();
    else if (leftMs > FINE_STRETCH_MS) setTimeout(approach, leftMs - FINE_STRETCH_MS);
    else setImmediate(approach);
  };
  approach();
  return () => {
    cancelled = true;
  };
}
