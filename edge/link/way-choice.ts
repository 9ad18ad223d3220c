/**
 * Which of several ways to the broker is used: pure. The first is preferred. A way counts as good when the cloud has been heard over it,
 * not when somebody has accepted a connection.
 */
export interface WayChoice {
  readonly way: number;
  /** Since when the cloud should have been heard over this way; null: it has been. */
  readonly unheardSinceMs: number | null;
  /** Since when a trial connection over the first way has been up; null: it is not, or the first way is in use. */
  readonly trialSinceMs: number | null;
  /** How long the first way has to be up before it is used again. */
  readonly steadyMs: number;
  readonly returnedAtMs: number | null;
  /** Ways that were left, one after the other, without having heard the cloud. */
  readonly failures: number;
}

export type WayEvent = 'unheard' | 'heard' | 'trial-up' | 'trial-down' | 'tick';

/** A way over which the cloud is not heard is left after so long; later when none works. */
export const FALL_BACK_AFTER_MS = 30_000;
const LONGEST_PATIENCE_MS = 600_000;
/** The first way is used again after having been up for so long; each time for longer when it does not last. */
export const FIRST_STEADY_MS = 60_000;
const LONGEST_STEADY_MS = 1_800_000;
const LASTS_MS = 3_600_000;

export const firstWay = (nowMs: number): WayChoice => ({
  way: 0,
  unheardSinceMs: nowMs,
  trialSinceMs: null,
  steadyMs: FIRST_STEADY_MS,
  returnedAtMs: null,
  failures: 0,
});

/** @param ways how many there are */
export function chooseWay(choice: WayChoice, event: WayEvent, ways: number, nowMs: number): WayChoice {
  switch (event) {
    case 'unheard':
      return { ...choice, unheardSinceMs: choice.unheardSinceMs ?? nowMs };
    case 'heard':
      return { ...choice, unheardSinceMs: null, failures: 0 };
    case 'trial-up':
      return { ...choice, trialSinceMs: choice.trialSinceMs ?? nowMs };
    case 'trial-down':
      return { ...choice, trialSinceMs: null };
    case 'tick':
      return onTick(choice, ways, nowMs);
  }
}

function onTick(choice: WayChoice, ways: number, nowMs: number): WayChoice {
  const { way, unheardSinceMs, trialSinceMs, steadyMs, failures } = choice;
  const rounds = Math.floor(failures / ways);
  const patienceMs = Math.min(LONGEST_PATIENCE_MS, FALL_BACK_AFTER_MS * 2 ** rounds);
  if (unheardSinceMs !== null && nowMs - unheardSinceMs >= patienceMs) {
    const next = (way + 1) % ways;
    const left = { ...choice, way: next, unheardSinceMs: nowMs, trialSinceMs: null, failures: failures + 1 };
    return way === 0 ? { ...left, steadyMs: steadyAfter(choice, nowMs) } : left;
  }
  if (way === 0 || trialSinceMs === null || nowMs - trialSinceMs < steadyMs) return choice;
  return { ...choice, way: 0, unheardSinceMs: nowMs, trialSinceMs: null, returnedAtMs: nowMs };
}

/** The first way has just failed: soon after it was taken again, or after it had lasted. */
function steadyAfter({ steadyMs, returnedAtMs }: WayChoice, nowMs: number): number {
  if (returnedAtMs === null || nowMs - returnedAtMs >= LASTS_MS) return FIRST_STEADY_MS;
  return Math.min(LONGEST_STEADY_MS, steadyMs * 2);
}
