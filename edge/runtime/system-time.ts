import { readFileSync, statSync } from 'node:fs';
import type { Clock, Timers } from '#shared/clock.ts';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { OsLook } from '../time/clock-judge.ts';

/** What `performance.now()` counts from, on CLOCK_MONOTONIC. It is the cheaper one to ask, and is asked all the time. */
const processStartMonoMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** CLOCK_MONOTONIC counts from boot, so it can be compared across restarts of this process within one boot. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monoMs: () => processStartMonoMs + performance.now(),
};

export const systemTimers: Timers = {
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * systemd-timesyncd touches this file whenever it has set or confirmed the clock, and a reboot removes it. A box with
 * another NTP client can be made to touch it as well: see docs/clock.md.
 */
const SYNCHRONISED_FILE = '/run/systemd/timesync/synchronized';

/** The clocks of the operating system, and whether it says that it has synchronised them. */
export function lookAtSystemClock(clock: Clock = systemClock, file = SYNCHRONISED_FILE): OsLook {
  const syncMark = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null;
  return { wallMs: clock.wallMs(), monoMs: clock.monoMs(), syncMark };
}

/** Makes stamps from the monotonic clock and what is known of this boot's wall clock; nothing that jumps is in them. */
export function stamper(clock: Pick<Clock, 'monoMs'>, known: () => BootClock): () => Stamp {
  return () => {
    const { bootId, offsetMs, quality } = known();
    const monoMs = Math.floor(clock.monoMs());
    return { wallMs: monoMs + offsetMs, monoMs, bootId, clock: quality };
  };
}

/** The kernel's id of this boot. Linux only, like the boxes. */
export const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
