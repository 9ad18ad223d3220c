import type { MonoClock } from './clock.ts';

/** One slice of simulated physics: `nowMs` is the end of the slice, `dtMs` its true length. */
export interface Slice {
  readonly nowMs: number;
  readonly dtMs: number;
}

/**
 * Returns a function that brings physics up to the clock's present and returns that instant (ms).
 *
 * The true elapsed monotonic time is used, cut into slices of at most `maxSliceMs`, so a stalled process loses no energy.
 * Calling it often is harmless; register reads call it so that an answer describes the instant of the request.
 */
export function createStepper(clock: MonoClock, maxSliceMs: number, step: (slice: Slice) => void): () => number {
  let reachedMs = clock.monoMs();
  return () => {
    const targetMs = clock.monoMs();
    while (reachedMs < targetMs) {
      const nowMs = Math.min(targetMs, reachedMs + maxSliceMs);
      step({ nowMs, dtMs: nowMs - reachedMs });
      reachedMs = nowMs;
    }
    return reachedMs;
  };
}
