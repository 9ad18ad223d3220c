/** Whether a device of a line answers, and when a silent one is looked at again. */
export interface DeviceHealth {
  readonly failuresInRow: number;
  readonly probeFromMonoMs: number;
}

export const healthy: DeviceHealth = { failuresInRow: 0, probeFromMonoMs: 0 };

/** A device that has failed this often in a row is silent: it is asked rarely, so that it costs the living little. */
const SILENT_AFTER_FAILURES = 3;
const FIRST_PROBE_AFTER_MS = 5000;
/** One lost request in this many of its own length: 4 % of the line. */
const PROBE_SHARE = 25;
/** A device that comes back is polled again within 30 s. */
const LONGEST_PROBE_PAUSE_MS = 25_000;

export const isSilent = (health: DeviceHealth): boolean => health.failuresInRow >= SILENT_AFTER_FAILURES;

/** @param costMs for how long a request without an answer keeps the line from the others */
export function withFailure(health: DeviceHealth, nowMonoMs: number, costMs: number): DeviceHealth {
  const failuresInRow = health.failuresInRow + 1;
  const pauseMs =
    failuresInRow <= SILENT_AFTER_FAILURES
      ? FIRST_PROBE_AFTER_MS
      : Math.min(LONGEST_PROBE_PAUSE_MS, Math.max(FIRST_PROBE_AFTER_MS, PROBE_SHARE * costMs));
  return { failuresInRow, probeFromMonoMs: nowMonoMs + pauseMs };
}

export const mayBeAsked = (health: DeviceHealth, nowMonoMs: number): boolean =>
  !isSilent(health) || nowMonoMs >= health.probeFromMonoMs;
