import type { Clock, Timers } from '#shared/clock.ts';

/** The runtime's timers are late by up to about this much, and may be early by a fraction of a millisecond. */
const COARSE_MS = 2;

/**
 * Timers that are never early and late by a fraction of a millisecond only: the last stretch is walked in turns of the
 * event loop, in which everything else is served. That costs processor time, so it is for short pauses that somebody
 * waits for.
 */
export function fineTimers(clock: Clock, timers: Timers): Timers {
  return {
    after(delayMs, action) {
      const dueMonoMs = clock.monoMs() + delayMs;
      let cancel = () => {};
      let isCancelled = false;
      const approach = (): void => {
        if (isCancelled) return;
        const leftMs = dueMonoMs - clock.monoMs();
        if (leftMs <= 0) return action();
        if (leftMs > COARSE_MS) cancel = timers.after(leftMs - COARSE_MS, approach);
        else setImmediate(approach);
      };
      approach();
      return () => {
        isCancelled = true;
        cancel();
      };
    },
  };
}
