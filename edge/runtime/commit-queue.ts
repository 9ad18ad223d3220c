import type { Logger } from 'pino';
import type { Timers } from '#shared/clock.ts';
import type { LedgerTransaction } from '../control/connector.ts';

export interface CommitQueueParts {
  readonly timers: Timers;
  readonly log: Logger;
  /** Resolves when the transaction is on disk. */
  readonly commit: (transaction: LedgerTransaction) => Promise<void>;
}

const STORE_AGAIN_AFTER_MS = 1000;

/** Stores one transaction after the other, each tried until it is on disk or the queue has ended. Nobody waits for them. */
export class CommitQueue {
  readonly #parts: CommitQueueParts;
  #tail: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(parts: CommitQueueParts) {
    this.#parts = parts;
  }

  add(transaction: LedgerTransaction): void {
    const { log } = this.#parts;
    for (const body of transaction.records)
      if (body.kind === 'alarm.raised')
        log[body.severity === 'critical' ? 'error' : 'warn'](
          { code: body.code, detail: body.detail },
          'alarm is raised',
        );
    this.#tail = this.#tail.then(() => this.#store(transaction));
  }

  /** What could not be stored by now is tried once more. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#tail;
  }

  async #store(transaction: LedgerTransaction): Promise<void> {
    const { commit, log, timers } = this.#parts;
    for (;;) {
      try {
        return await commit(transaction);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.error({ code: 'store.unavailable', reason }, 'record could not be stored');
      }
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        timers.after(STORE_AGAIN_AFTER_MS, resolve);
      });
    }
  }
}
