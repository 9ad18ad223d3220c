/** One time above a limit without a pause, on the simulator's clock; it may still last. */
export interface Excess {
  readonly fromMonoMs: number;
  readonly toMonoMs: number;
  readonly highestA: number;
}

/** Time that one phase of one node spent above its limit, by what physically flowed. */
export interface Overshoot {
  /** All such times together, the longest without a pause, and how many there were. */
  readonly totalMs: number;
  readonly longestMs: number;
  readonly count: number;
  /** How far above the limit it was at most. */
  readonly highestA: number;
  /** The longest time in which the loads without the piles were above the limit. */
  readonly houseLongestMs: number;
  /** Since when it lasts; null when it does not. */
  readonly sinceMonoMs: number | null;
  readonly houseSinceMonoMs: number | null;
  /** Newest last, at most 50. */
  readonly times: readonly Excess[];
}

export const NO_OVERSHOOT: Overshoot = {
  totalMs: 0,
  longestMs: 0,
  count: 0,
  highestA: 0,
  houseLongestMs: 0,
  sinceMonoMs: null,
  houseSinceMonoMs: null,
  times: [],
};

const KEPT_TIMES = 50;

/** Sums of floats: a milliampere above the limit is none. */
const TOLERANCE_A = 1e-3;

/** Counts a stretch of time during which `currentA` flowed, `houseA` of it to other loads than piles. Pure. */
export function countOvershoot(
  before: Overshoot,
  present: { readonly currentA: number; readonly houseA: number; readonly limitA: number },
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Overshoot {
  const isAbove = (currentA: number): boolean => currentA > present.limitA + TOLERANCE_A;
  const houseSinceMonoMs = isAbove(present.houseA) ? (before.houseSinceMonoMs ?? fromMs) : null;
  const houseMs = houseSinceMonoMs === null ? 0 : toMs - houseSinceMonoMs;
  const house = { houseSinceMonoMs, houseLongestMs: Math.max(before.houseLongestMs, houseMs) };
  if (!isAbove(present.currentA)) return { ...before, ...house, sinceMonoMs: null };
  const sinceMonoMs = before.sinceMonoMs ?? fromMs;
  const excessA = present.currentA - present.limitA;
  const past = before.sinceMonoMs === null ? before.times : before.times.slice(0, -1);
  const lastA = before.sinceMonoMs === null ? 0 : (before.times.at(-1)?.highestA ?? 0);
  const now: Excess = { fromMonoMs: sinceMonoMs, toMonoMs: toMs, highestA: Math.max(lastA, excessA) };
  return {
    ...house,
    totalMs: before.totalMs + toMs - fromMs,
    longestMs: Math.max(before.longestMs, toMs - sinceMonoMs),
    count: before.count + (before.sinceMonoMs === null ? 1 : 0),
    highestA: Math.max(before.highestA, excessA),
    sinceMonoMs,
    times: [...past, now].slice(-KEPT_TIMES),
  };
}
