import type { Timers } from '#shared/clock.ts';
import { StoreInDoubt } from './store-trouble.ts';

const LOOK_AGAIN_AFTER_MS = 1000;

export interface QueuedCommit {
  /** @throws SqliteError when nothing is stored; StoreInDoubt when nobody knows */
  readonly store: () => void;
  readonly onStored: () => void;
  readonly onFailed: (reason: string) => void;
}

/**
 * Commits in the order in which they came, each a transaction of its own: an event is a transaction, and two never share
 * their fate. Whoever asked is told only what is known. While a commit is in doubt those behind it wait, and only they:
 * the file is opened again every second until it can be read, and between the tries the thread goes on with the link.
 * A disk that stalls holds up the thread itself; what was asked meanwhile is then stored back to back.
 */
export class CommitQueue {
  readonly #timers: Timers;
  readonly #waiting: QueuedCommit[] = [];
  #inDoubt: StoreInDoubt | null = null;
  #cancelLook: () => void = () => {};

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** A commit waits to be looked for in a file that does not open. */
  get isInDoubt(): boolean {
    return this.#inDoubt !== null;
  }

  add(commit: QueuedCommit): void {
    this.#waiting.push(commit);
    if (this.#inDoubt === null) this.#work();
  }

  close(): void {
    this.#cancelLook();
  }

  #work(): void {
    for (let commit = this.#waiting[0]; commit !== undefined; commit = this.#waiting[0]) {
      if (!this.#settle(commit)) {
        this.#cancelLook = this.#timers.after(LOOK_AGAIN_AFTER_MS, () => this.#work());
        return;
      }
      this.#waiting.shift();
    }
  }

  /** False when it is still in doubt. */
  #settle(commit: QueuedCommit): boolean {
    try {
      if (this.#inDoubt?.isStored() !== true) commit.store();
      this.#inDoubt = null;
    } catch (error) {
      if (error instanceof StoreInDoubt) {
        this.#inDoubt ??= error;
        return false;
      }
      this.#inDoubt = null;
      commit.onFailed(error instanceof Error ? error.message : String(error));
      return true;
    }
    commit.onStored();
    return true;
  }
}
