import type { Logger } from 'pino';
import type { Timers } from '#shared/clock.ts';

export interface Poller {
  /** Runs soon, once more if a run is under way. */
  wake(): void;
  /** Waits for the run under way and starts no other. */
  stop(): Promise<void>;
}

export interface PollerOptions {
  readonly name: string;
  readonly intervalMs: number;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly run: () => Promise<void>;
}

/**
 * Repeats a job at its own pace, never twice at once. The rows in the database are the truth: a run that
 * fails is logged, and the next one finds the same work again.
 */
export function startPoller(options: PollerOptions): Poller {
  let stopped = false;
  let again = false;
  let running: Promise<void> | null = null;
  let cancelTimer: () => void = () => {};

  const runOnce = async (): Promise<void> => {
    try {
      await options.run();
    } catch (error) {
      options.logger.error({ err: error, job: options.name }, 'job fails and will be tried again');
    }
  };
  const go = (): void => {
    if (stopped) return;
    if (running !== null) {
      again = true;
      return;
    }
    cancelTimer();
    again = false;
    running = runOnce().then(() => {
      running = null;
      if (stopped) return;
      cancelTimer = options.timers.after(again ? 0 : options.intervalMs, go);
    });
  };
  go();
  return {
    wake: go,
    async stop() {
      stopped = true;
      cancelTimer();
      await running;
    },
  };
}
