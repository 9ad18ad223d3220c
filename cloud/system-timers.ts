import type { Timers } from '#shared/clock.ts';

/** The machine's own timers. */
export const systemTimers: Timers = {
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};
