/** A loop that has to turn, and how long one turn of it may take. */
export interface WatchedLoop {
  readonly name: string;
  readonly boundMs: number;
}

/** A loop that has not turned within its bound. */
export interface LateLoop {
  readonly name: string;
  readonly forMs: number;
}

/** What has been seen of every loop: how often it had turned, and when that number last changed. */
export type Liveness = readonly {
  readonly loop: WatchedLoop;
  readonly turns: number;
  readonly movedMonoMs: number;
}[];

export const beginWatch = (loops: readonly WatchedLoop[], nowMonoMs: number): Liveness =>
  loops.map((loop) => ({ loop, turns: 0, movedMonoMs: nowMonoMs }));

/**
 * One look at the counters. Time is the watcher's own: a watcher that was held up itself finds counters that have moved
 * meanwhile, and accuses nobody.
 *
 * @param turns in the order of the loops
 */
export const look = (before: Liveness, turns: readonly number[], nowMonoMs: number): Liveness =>
  before.map((seen, i) => {
    const now = turns[i] ?? seen.turns;
    return now === seen.turns ? seen : { ...seen, turns: now, movedMonoMs: nowMonoMs };
  });

/** Every loop that is behind. One is enough: its pile is watched by nobody, whatever the others do. */
export const lateLoops = (liveness: Liveness, nowMonoMs: number): readonly LateLoop[] =>
  liveness.flatMap(({ loop, movedMonoMs }) => {
    const forMs = nowMonoMs - movedMonoMs;
    return forMs < loop.boundMs ? [] : [{ name: loop.name, forMs }];
  });
