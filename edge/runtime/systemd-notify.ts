import { spawn } from 'node:child_process';

/** What systemd has asked of this process, by its environment. */
export interface SystemdAsks {
  /** How often it wants to be told that all is well; null: it does not watch. */
  readonly feedEveryMs: number | null;
}

/**
 * Null when no systemd waits for a word (`NOTIFY_SOCKET` of sd_notify(3) is not set). Fed at half of `WATCHDOG_USEC`, as
 * sd_watchdog_enabled(3) advises; a `WATCHDOG_PID` that is not ours means another process.
 */
export function systemdAsks(env: Readonly<Record<string, string | undefined>>, pid: number): SystemdAsks | null {
  if (env.NOTIFY_SOCKET === undefined || env.NOTIFY_SOCKET === '') return null;
  const usec = Number(env.WATCHDOG_USEC);
  const isOurs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === pid;
  return { feedEveryMs: isOurs && Number.isFinite(usec) && usec > 0 ? usec / 2000 : null };
}

const NOTIFY_PATIENCE_MS = 5000;

/**
 * Tells systemd: `READY=1`, `WATCHDOG=1`, `STATUS=…`. Node has no Unix datagram socket, so the program that comes with
 * systemd does it; the unit says `NotifyAccess=all` for that. A spawn takes milliseconds: never on the field thread.
 *
 * @returns null when it was told, or why not
 */
export function notifySystemd(lines: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', [...lines], { stdio: 'ignore', timeout: NOTIFY_PATIENCE_MS });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? null : `systemd-notify ended with ${signal ?? code}`));
  });
}
