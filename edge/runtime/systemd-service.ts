import type { Logger } from 'pino';
import type { Clock } from '#shared/clock.ts';
import type { ConnectorView } from '#shared/wire/messages.ts';
import type { LateLoop } from './liveness.ts';
import type { SystemdAsks } from './systemd-notify.ts';
import type { SyncView } from './thread-messages.ts';

export interface SystemdServiceParts {
  readonly asks: SystemdAsks;
  readonly clock: Clock;
  readonly log: Logger;
  /** Null when it was told, or why not. */
  readonly notify: (lines: readonly string[]) => Promise<string | null>;
  /** The short line that `systemctl status` shows. */
  readonly status: () => string;
}

/**
 * The edge as systemd sees it. It lives on the ledger thread: its watchdog is fed only when that thread turns, for it is
 * the one that feeds, and when every loop of the field thread does.
 */
export class SystemdService {
  readonly #parts: SystemdServiceParts;
  #phase: 'starting' | 'running' | 'stopping' = 'starting';
  #fedMonoMs = Number.NEGATIVE_INFINITY;
  #wasLate = false;
  #told: Promise<void> = Promise.resolve();

  constructor(parts: SystemdServiceParts) {
    this.#parts = parts;
  }

  /** The edge drives its piles. */
  started(): void {
    this.#phase = 'running';
    this.#tell('READY=1', `STATUS=${this.#parts.status()}`);
  }

  /** The edge ends in order; systemd waits for `TimeoutStopSec` from here on, and its watchdog rests. */
  stopping(): void {
    this.#phase = 'stopping';
    this.#tell('STOPPING=1');
  }

  /** A look at the field thread has been taken; `late` is empty when all its loops turn. */
  looked(late: readonly LateLoop[]): void {
    if (this.#phase !== 'running') return;
    const isLate = late.length > 0;
    if (isLate && !this.#wasLate) this.#tell(`STATUS=not fed: ${lateText(late)}`);
    this.#wasLate = isLate;
    const { asks, clock, status } = this.#parts;
    if (isLate || asks.feedEveryMs === null) return;
    const nowMonoMs = clock.monoMs();
    if (nowMonoMs - this.#fedMonoMs < asks.feedEveryMs) return;
    this.#fedMonoMs = nowMonoMs;
    this.#tell('WATCHDOG=1', `STATUS=${status()}`);
  }

  /** One after the other, so that systemd hears them in order. */
  #tell(...lines: string[]): void {
    const { notify, log } = this.#parts;
    this.#told = this.#told.then(async () => {
      const failure = await notify(lines);
      if (failure !== null) log.error({ lines, reason: failure }, 'systemd could not be told');
    });
  }
}

export const lateText = (late: readonly LateLoop[]): string =>
  late.map(({ name, forMs }) => `${name} has not turned for ${Math.round(forMs / 1000)} s`).join(', ');

/** "8 connectors, 3 in a charge; cloud open, 12 records waiting". */
export function statusLine(connectors: readonly ConnectorView[], sync: Pick<SyncView, 'link' | 'backlog'>): string {
  const busy = connectors.filter((connector) => connector.sessionId !== null).length;
  return `${connectors.length} connectors, ${busy} in a charge; cloud ${sync.link}, ${sync.backlog} records waiting`;
}
