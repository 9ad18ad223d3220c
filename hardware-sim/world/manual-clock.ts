import type { MonoClock, Scheduler } from './clock.ts';

/** A clock that stands still until told to move; work scheduled on it runs at its exact instant, in order. */
export interface ManualTime {
  readonly clock: MonoClock;
  readonly scheduler: Pick<Scheduler, 'at'>;
  passMs(durationMs: number): void;
}

/** Simulated time that starts at `startMs`. */
export function createManualTime(startMs = 0): ManualTime {
  let nowMs = startMs;
  const due: { readonly atMs: number; readonly run: () => void }[] = [];

  const at = (atMs: number, run: () => void): (() => void) => {
    const entry = { atMs: Math.max(atMs, nowMs), run };
    due.push(entry);
    return () => {
      const index = due.indexOf(entry);
      if (index >= 0) due.splice(index, 1);
    };
  };

  const takeNext = (untilMs: number): { atMs: number; run: () => void } | undefined => {
    const next = due.toSorted((a, b) => a.atMs - b.atMs)[0];
    if (next === undefined || next.atMs > untilMs) return undefined;
    due.splice(due.indexOf(next), 1);
    return next;
  };

  const passMs = (durationMs: number): void => {
    const untilMs = nowMs + durationMs;
    for (let next = takeNext(untilMs); next !== undefined; next = takeNext(untilMs)) {
      nowMs = next.atMs;
      next.run();
    }
    nowMs = untilMs;
  };
  return { clock: { monoMs: () => nowMs }, scheduler: { at }, passMs };
}
