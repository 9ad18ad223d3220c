import { delivers, isOff, type Reading } from './reading.ts';

/** The ways to stop a pile, mildest first. */
export type Rung = 'softStop' | 'hardStop';

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

/** A vehicle told by the pilot to stop has 6 s before the contactor may be opened under load (IEC 61851-1 Table A.6, 10.2). */
const SOFT_STOP_PATIENCE_MS = 6500;
const WRITE_AGAIN_AFTER_MS = 1000;
/** Once every rung has been tried they are tried again, but the alarm has gone out already. */
const REPEAT_EVERY_MS = 5000;

export function beginLadder(rung: Rung, deadlineMs: number, nowMonoMs: number): StopLadder {
  return { rung, deadlineMs, startedMonoMs: nowMonoMs, writtenMonoMs: null, failedMonoMs: null, exhausted: false };
}

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

/**
 * Called at every poll and every outcome of a write. A rung whose write was refused is left at once: there is no
 * point in waiting for its effect.
 */
export function climb(ladder: StopLadder, nowMonoMs: number): Climb {
  const passed = (sinceMs: number | null, ms: number) => sinceMs !== null && nowMonoMs - sinceMs >= ms;
  const wait: Climb = { ladder, write: null, ranOut: false };
  const step = (rung: Rung): Climb => ({
    ladder: { ...ladder, rung, writtenMonoMs: null, failedMonoMs: null },
    write: rung,
    ranOut: false,
  });
  if (ladder.exhausted) {
    const isTimeAgain = passed(ladder.writtenMonoMs, REPEAT_EVERY_MS) || passed(ladder.failedMonoMs, REPEAT_EVERY_MS);
    return isTimeAgain ? step(ladder.rung === 'hardStop' ? 'softStop' : 'hardStop') : wait;
  }
  if (passed(ladder.startedMonoMs, ladder.deadlineMs)) {
    // A soft stop that was slow to be written must not leave the hard one untried.
    if (ladder.rung === 'softStop') {
      const { ladder: hard, write } = step('hardStop');
      return { ladder: { ...hard, exhausted: true }, write, ranOut: true };
    }
    return { ladder: { ...ladder, exhausted: true, failedMonoMs: nowMonoMs }, write: null, ranOut: true };
  }
  if (ladder.rung === 'softStop') {
    return ladder.failedMonoMs !== null || passed(ladder.writtenMonoMs, SOFT_STOP_PATIENCE_MS)
      ? step('hardStop')
      : wait;
  }
  return passed(ladder.failedMonoMs, WRITE_AGAIN_AFTER_MS) ? step('hardStop') : wait;
}
