import { type Objection, objectionOf } from './influence.ts';

/**
 * Whether the pile is known to have its set-up: without it nobody knows what its watchdog does. `missing`: not written
 * yet, or not any more. `refused`: written, and not taken.
 */
export type SetUpResult = 'taken' | 'missing' | 'refused';

export interface SetUpState {
  readonly result: SetUpResult;
  /** Since when it has not been there; with `taken`, since when it is. */
  readonly sinceMonoMs: number;
  /** This process has seen it taken: when it is gone after that, the pile has lost it. */
  readonly wasTaken: boolean;
}

/** For so long a charge goes on while the pile is set up anew: it may have restarted under it. */
const PATIENCE_MS = 30_000;

export const withoutSetUp = (nowMonoMs: number): SetUpState => ({
  result: 'missing',
  sinceMonoMs: nowMonoMs,
  wasTaken: false,
});

export function withResult(before: SetUpState, result: SetUpResult, nowMonoMs: number): SetUpState {
  const isSameSide = (before.result === 'taken') === (result === 'taken');
  const wasTaken = before.wasTaken || result === 'taken';
  return { result, sinceMonoMs: isSameSide ? before.sinceMonoMs : nowMonoMs, wasTaken };
}

/** The fault of a charge on a pile whose watchdog nobody can rely on. */
export function setUpFault({ result, sinceMonoMs }: SetUpState, nowMonoMs: number): Objection | null {
  return result !== 'taken' && nowMonoMs - sinceMonoMs >= PATIENCE_MS ? objectionOf('setup-not-taken') : null;
}
