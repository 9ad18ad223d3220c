/** Communication watchdog of a pile. A timeout of 0 ms switches it off. */
export interface Watchdog {
  timeoutMs: number;
  lastFedMs: number;
  tripped: boolean;
}

/** A watchdog that was fed at `nowMs`. */
export function newWatchdog(timeoutMs: number, nowMs: number): Watchdog {
  return { timeoutMs, lastFedMs: nowMs, tripped: false };
}

/** True in the moment the watchdog trips; it stays tripped until its model clears it. */
export function tripsAt(watchdog: Watchdog, nowMs: number): boolean {
  if (watchdog.tripped || watchdog.timeoutMs === 0 || nowMs - watchdog.lastFedMs < watchdog.timeoutMs) return false;
  watchdog.tripped = true;
  return true;
}
