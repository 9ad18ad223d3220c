import type { Clock } from '#shared/clock.ts';

/** Counts what went wrong, by who did it. */
export interface AttemptLimit {
  /** How long there is nothing to be tried any more; null: it may be tried. */
  waitMs(key: string): number | null;
  failed(key: string): void;
}

/** More callers than this at once are forgotten, the oldest first: the limit must not fill the memory that it is there to spare. */
const MOST_KEYS = 10_000;

/** At most `limit` failures of a caller in `windowMs`, in this process. */
export function createAttemptLimit(clock: Clock, limit: number, windowMs: number): AttemptLimit {
  const windows = new Map<string, { readonly beganMonoMs: number; failures: number }>();
  const current = (key: string) => {
    const window = windows.get(key);
    return window !== undefined && clock.monoMs() - window.beganMonoMs < windowMs ? window : null;
  };
  return {
    waitMs(key) {
      const window = current(key);
      if (window === null || window.failures < limit) return null;
      return window.beganMonoMs + windowMs - clock.monoMs();
    },
    failed(key) {
      const window = current(key);
      if (window !== null) {
        window.failures += 1;
        return;
      }
      windows.delete(key);
      windows.set(key, { beganMonoMs: clock.monoMs(), failures: 1 });
      const [oldest] = windows.keys();
      if (windows.size > MOST_KEYS && oldest !== undefined) windows.delete(oldest);
    },
  };
}
