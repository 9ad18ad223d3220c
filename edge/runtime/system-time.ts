import { readFileSync } from 'node:fs';
import type { Clock, Timers } from '#shared/clock.ts';
import type { Stamp } from '#shared/stamp.ts';

/** CLOCK_MONOTONIC counts from boot, so it can be compared across restarts of this process within one boot. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => Number(process.hrtime.bigint()) / 1e6,
};

export const systemTimers: Timers = {
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Before this a box has no idea what time it is: its clock starts at 1970 or at the image's build. */
const EARLIEST_CREDIBLE_MS = Date.UTC(2026, 0, 1);

/** Makes stamps for this boot. A clock that shows a time before this software existed is none. */
export function stamper(clock: Clock, bootId: string): () => Stamp {
  return () => {
    const wallMs = clock.wallMs();
    return {
      wallMs,
      monoMs: Math.floor(clock.monoMs()),
      bootId,
      clock: wallMs < EARLIEST_CREDIBLE_MS ? 'none' : 'trusted',
    };
  };
}

/** The kernel's id of this boot. Linux only, like the boxes. */
export const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
