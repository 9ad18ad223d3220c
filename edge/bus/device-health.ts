import type { Priority } from './exchange.ts';

/** Whether a device of a line answers, and when a silent one is looked at again. */
export interface DeviceHealth {
  readonly failuresInRow: number;
  /** When a silent device is polled again, and when it is told or urgently asked again. */
  readonly probeFromMonoMs: number;
  readonly tellFromMonoMs: number;
}

export const healthy: DeviceHealth = { failuresInRow: 0, probeFromMonoMs: 0, tellFromMonoMs: 0 };

/** A device that has failed twice may be dead: between two of its questions the others have the line for as long. */
const SUSPECT_AFTER_FAILURES = 2;
/** A device that has failed this often in a row is silent: it is asked rarely, so that it costs the living little. */
const SILENT_AFTER_FAILURES = 3;
/** So often more it is told and asked what is urgent, as if it answered: a stop has 10 s to be heard and proven. */
const FREE_ATTEMPTS = 12;
const FIRST_PROBE_AFTER_MS = 5000;
/** One lost request in this many of its own length: 4 % of the line. */
const PROBE_SHARE = 25;
/** A stop to a device that does not hear is worth more of the line than a probe. */
const TELL_SHARE = 10;
/** A device that comes back is polled again within 30 s. */
const LONGEST_PROBE_PAUSE_MS = 25_000;

const isSilent = (health: DeviceHealth): boolean => health.failuresInRow >= SILENT_AFTER_FAILURES;

/** @param costMs for how long a request without an answer keeps the line from the others */
export function withFailure(health: DeviceHealth, nowMonoMs: number, costMs: number): DeviceHealth {
  const failuresInRow = health.failuresInRow + 1;
  const pauseMs =
    failuresInRow <= SILENT_AFTER_FAILURES
      ? FIRST_PROBE_AFTER_MS
      : Math.min(LONGEST_PROBE_PAUSE_MS, Math.max(FIRST_PROBE_AFTER_MS, PROBE_SHARE * costMs));
  const isFree = failuresInRow < SILENT_AFTER_FAILURES + FREE_ATTEMPTS;
  return {
    failuresInRow,
    probeFromMonoMs: nowMonoMs + pauseMs,
    tellFromMonoMs: isFree ? 0 : nowMonoMs + TELL_SHARE * costMs,
  };
}

export function mayBeAsked(health: DeviceHealth, priority: Priority, nowMonoMs: number): boolean {
  if (!isSilent(health)) return true;
  const isRoutine = priority === 'poll' || priority === 'keep-alive';
  return nowMonoMs >= (isRoutine ? health.probeFromMonoMs : health.tellFromMonoMs);
}

/** Whether the others go first for a while. A stop is not held back as long as there is hope that it is heard. */
export function isHeldBack(health: DeviceHealth, priority: Priority): boolean {
  return health.failuresInRow >= SUSPECT_AFTER_FAILURES && (priority !== 'stop' || isSilent(health));
}
