import type { PduKind } from '../line/pdu.ts';
import type { PileState } from './pile-state.ts';
import { newWatchdog, type Watchdog } from './watchdog.ts';

const DEFAULT_TIMEOUT_MS = 20_000;
const SHORTEST_CHECK_MS = 3000;

/** An alive register that the master sets to 1 and the box takes back to 0 at each check. */
export interface AliveRegister {
  readonly watchdog: Watchdog;
  value(): number;
  write(value: number): void;
  setTimeoutS(timeoutS: number): void;
  /** Runs the checks that are due; true when one of them has tripped the watchdog. */
  observe(nowMs: number): boolean;
  heard(kind: PduKind): void;
  /** True once after a failed check that closes a connection. */
  takeClosing(): boolean;
}

/**
 * Vestel register 6000: the box looks every half timeout, at least 3 s apart, and fails its master when it finds 0. Then the
 * watchdog is tripped until the next 1, and a connection that was in use is to be closed.
 */
export function createAliveRegister(state: PileState): AliveRegister {
  const watchdog = newWatchdog(DEFAULT_TIMEOUT_MS, state.nowMs);
  let alive = 0;
  let connected = false;
  let closing = false;
  const checkMs = (): number => Math.max(watchdog.timeoutMs / 2, SHORTEST_CHECK_MS);
  let nextCheckMs = state.nowMs + checkMs();

  const check = (): void => {
    nextCheckMs += checkMs();
    if (alive === 0) {
      watchdog.tripped = true;
      closing ||= connected;
      connected = false;
    }
    alive = 0;
  };

  return {
    watchdog,
    value: () => alive,
    write: (value) => {
      alive = value;
      if (value === 1) Object.assign(watchdog, { tripped: false, lastFedMs: state.nowMs });
    },
    setTimeoutS: (timeoutS) => {
      watchdog.timeoutMs = timeoutS * 1000;
      nextCheckMs = state.nowMs + checkMs();
    },
    observe: (nowMs) => {
      const wasTripped = watchdog.tripped;
      while (nowMs >= nextCheckMs) check();
      return watchdog.tripped && !wasTripped;
    },
    heard: (kind) => {
      if (kind !== 'hang-up') connected = true;
    },
    takeClosing: () => {
      const due = closing;
      closing = false;
      return due;
    },
  };
}
