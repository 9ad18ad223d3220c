import { performance } from 'node:perf_hooks';
import type { MonoClock, Scheduler } from '../world/clock.ts';

/** Node's timers fire up to about this much late, so the last stretch is walked in short steps instead. */
const FINE_STRETCH_MS = 2;

/**
 * The last stretch is slept through in naps of this length, bytes being taken in between, until two of them are left. A process
 * that only spins is what a busy machine takes the processor from, in the very moment when a reply is due.
 */
const NAP_MS = 0.1;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

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
    else {
      if (leftMs > 2 * NAP_MS) Atomics.wait(NEVER_WOKEN, 0, 0, NAP_MS);
      setImmediate(approach);
    }
  };
  approach();
  return () => {
    cancelled = true;
  };
}
