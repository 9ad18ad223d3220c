import { delivers, isOff, type Reading } from './reading.ts';

/** The ways to stop a pile, mildest first. `trip`: an output of the site's own cuts it off. */
export type Rung = 'softStop' | 'hardStop' | 'trip';

/**
 * A stop under way. Each rung is written and then judged by reading back. `written` is when the rung's writes
 * were made, `failed` when they were refused; both null while they are on their way. A reading from before the
 * writes proves nothing.
 */
export interface StopLadder {
  readonly rung: Rung;
  readonly startedMonoMs: number;
  readonly deadlineMs: number;
  readonly writtenMonoMs: number | null;
  readonly failedMonoMs: number | null;
  /** Every rung has been tried and current still flows, or cannot be seen not to. */
  readonly exhausted: boolean;
}

/**
 * A vehicle told by the pilot to stop has 6 s before the contactor may be opened under load (IEC 61851-1 Table A.6,
 * 10.2): so long each way that goes through the pile is given.
 */
export const PILE_PATIENCE_MS = 6500;
/** A contactor without current in its coil has opened by then, and the pile behind it is without power. */
const TRIP_PATIENCE_MS = 3000;
const WRITE_AGAIN_AFTER_MS = 1000;
/** Once every rung has been tried they are tried again, but the alarm has gone out already. */
const REPEAT_EVERY_MS = 5000;

export function beginLadder(rung: Exclude<Rung, 'trip'>, deadlineMs: number, nowMonoMs: number): StopLadder {
  return { rung, deadlineMs, startedMonoMs: nowMonoMs, writtenMonoMs: null, failedMonoMs: null, exhausted: false };
}

/** A graver fault does not wait for the mild way to work. */
export const atHardStop = (ladder: StopLadder): StopLadder => step(ladder, 'hardStop').ladder;

/** Current and state, both: a pile may say "stopped" over a welded contactor, or show 0 A between two phases. */
export function isProven(ladder: StopLadder, reading: Reading, requestedMonoMs: number): boolean {
  // Nothing flows into a gun that is not plugged, whether the pile took the write or not.
  if (reading.status === 'unplugged' && !delivers(reading)) return true;
  return isOff(reading) && ladder.writtenMonoMs !== null && requestedMonoMs >= ladder.writtenMonoMs;
}

export const rungWritten = (ladder: StopLadder, nowMonoMs: number): StopLadder => ({
  ...ladder,
  writtenMonoMs: nowMonoMs,
});
export const rungFailed = (ladder: StopLadder, nowMonoMs: number): StopLadder => ({
  ...ladder,
  failedMonoMs: nowMonoMs,
});

/** The ladder's next move while the stop is not proven: a rung to write now, or running out of rungs. */
export interface Climb {
  readonly ladder: StopLadder;
  readonly write: Rung | null;
  readonly ranOut: boolean;
}

/** The output has cut the pile off and read back that it has: a pile without power gives no answer to prove it by. */
export function isCutOff({ rung, writtenMonoMs }: StopLadder, nowMonoMs: number): boolean {
  return rung === 'trip' && writtenMonoMs !== null && nowMonoMs - writtenMonoMs >= TRIP_PATIENCE_MS;
}

/**
 * Called at every poll and every outcome of a write. A rung whose write was refused is left at once: there is no
 * point in waiting for its effect.
 *
 * @param rungs the ways that there are for this pile at present, mildest first
 */
export function climb(ladder: StopLadder, rungs: readonly Rung[], nowMonoMs: number): Climb {
  if (ladder.exhausted) return repeat(ladder, rungs, nowMonoMs);
  const next = rungs[rungs.indexOf(ladder.rung) + 1] ?? null;
  if (!isOver(ladder, next, nowMonoMs)) {
    const isRefused = next === null && passed(ladder.failedMonoMs, WRITE_AGAIN_AFTER_MS, nowMonoMs);
    return isRefused ? step(ladder, ladder.rung) : { ladder, write: null, ranOut: false };
  }
  if (next === null)
    return { ladder: { ...ladder, exhausted: true, failedMonoMs: nowMonoMs }, write: null, ranOut: true };
  // Out of time before the last rung was reached: it is tried all the same, and the alarm does not wait for it.
  const ranOut = next === 'hardStop' && next === rungs.at(-1) && isLate(ladder, nowMonoMs);
  const higher = step(ladder, next);
  return { ...higher, ladder: { ...higher.ladder, exhausted: ranOut }, ranOut };
}

const passed = (sinceMs: number | null, ms: number, nowMonoMs: number) => sinceMs !== null && nowMonoMs - sinceMs >= ms;
const isLate = ({ startedMonoMs, deadlineMs }: StopLadder, nowMonoMs: number) =>
  nowMonoMs - startedMonoMs >= deadlineMs;

/** A rung is over when it has been refused, has not worked in its time, or the whole ladder's time is up. */
function isOver(ladder: StopLadder, next: Rung | null, nowMonoMs: number): boolean {
  const { rung, writtenMonoMs, failedMonoMs, startedMonoMs, deadlineMs } = ladder;
  if (rung === 'trip')
    return isCutOff(ladder, nowMonoMs) || nowMonoMs - startedMonoMs >= deadlineMs + 2 * TRIP_PATIENCE_MS;
  if (isLate(ladder, nowMonoMs)) return true;
  return next !== null && (failedMonoMs !== null || passed(writtenMonoMs, PILE_PATIENCE_MS, nowMonoMs));
}

/** Every way has been tried: each is tried again in its turn, and nothing of that is relied on. */
function repeat(ladder: StopLadder, rungs: readonly Rung[], nowMonoMs: number): Climb {
  const { writtenMonoMs, failedMonoMs, rung } = ladder;
  const isTimeAgain =
    passed(writtenMonoMs, REPEAT_EVERY_MS, nowMonoMs) || passed(failedMonoMs, REPEAT_EVERY_MS, nowMonoMs);
  if (!isTimeAgain) return { ladder, write: null, ranOut: false };
  return step(ladder, rungs[(rungs.indexOf(rung) + 1) % rungs.length] ?? 'hardStop');
}

const step = (ladder: StopLadder, rung: Rung): Climb => ({
  ladder: { ...ladder, rung, writtenMonoMs: null, failedMonoMs: null },
  write: rung,
  ranOut: false,
});
