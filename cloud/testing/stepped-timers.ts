import type { Timers } from '#shared/clock.ts';

export interface SteppedTimers extends Timers {
  /** So much later: whatever is due by then is done, in order; each time `settled` is awaited before time goes on. */
  advance(ms: number, settled: () => Promise<unknown>): Promise<void>;
  /** How many wait for their time. */
  waiting(): number;
}

/** Timers whose time goes on only when it is told to. */
export function createSteppedTimers(): SteppedTimers {
  const waiting = new Set<{ readonly dueMs: number; readonly action: () => void }>();
  let nowMs = 0;
  return {
    after(delayMs, action) {
      const timer = { dueMs: nowMs + delayMs, action };
      waiting.add(timer);
      return () => void waiting.delete(timer);
    },
    async advance(ms, settled) {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = [...waiting].sort((one, other) => one.dueMs - other.dueMs);
        if (next === undefined || next.dueMs > untilMs) break;
        nowMs = next.dueMs;
        waiting.delete(next);
        next.action();
        await settled();
      }
      nowMs = untilMs;
    },
    waiting: () => waiting.size,
  };
}
