import { type LineJob, type Priority, priorities } from './exchange.ts';
import type { LineError } from './line-error.ts';

export interface PendingJob {
  // The line hands an answer back to whoever asked; in between it does not matter what it is.
  readonly job: LineJob<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: LineError) => void;
}

/** Jobs waiting for one line: by class, and within a class in order of arrival. Bounded. */
export class JobQueue {
  readonly #waiting: Record<Priority, PendingJob[]> = { stop: [], command: [], 'keep-alive': [], poll: [] };
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return priorities.reduce((sum, priority) => sum + this.#waiting[priority].length, 0);
  }

  /** False when the queue is full; stops and commands are taken even then, because a stop must never be refused. */
  add(pending: PendingJob): boolean {
    const { priority } = pending.job;
    const isCommand = priority === 'stop' || priority === 'command';
    if (!isCommand && this.length >= this.#limit) return false;
    this.#waiting[priority].push(pending);
    return true;
  }

  /**
   * Of the highest class that waits, the job that can go first; of several that can go now, the oldest. A lower class
   * does not fill the gaps of a higher one: it could be in the way when the gap is over.
   *
   * @param readyAtMonoMs when the line may carry a job; not before now
   */
  next(readyAtMonoMs: (job: LineJob<unknown>) => number): { pending: PendingJob; readyAtMonoMs: number } | null {
    for (const priority of priorities) {
      let best: { pending: PendingJob; readyAtMonoMs: number } | null = null;
      for (const pending of this.#waiting[priority]) {
        const at = readyAtMonoMs(pending.job);
        if (best === null || at < best.readyAtMonoMs) best = { pending, readyAtMonoMs: at };
      }
      if (best !== null) return best;
    }
    return null;
  }

  take(pending: PendingJob): void {
    const waiting = this.#waiting[pending.job.priority];
    waiting.splice(waiting.indexOf(pending), 1);
  }

  drain(): PendingJob[] {
    return priorities.flatMap((priority) => this.#waiting[priority].splice(0));
  }
}
