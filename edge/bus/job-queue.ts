import { type LineJob, type Priority, priorities } from './request.ts';

export interface PendingJob {
  readonly job: LineJob;
  readonly resolve: (words: readonly number[]) => void;
  readonly reject: (error: Error) => void;
}

/** Jobs waiting for one line: by class, and within a class in order of arrival. Bounded. */
export class JobQueue {
  readonly #waiting: Record<Priority, PendingJob[]> = { command: [], 'keep-alive': [], poll: [] };
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return priorities.reduce((sum, priority) => sum + this.#waiting[priority].length, 0);
  }

  /** False when the queue is full; a command is taken even then, because a stop must never be refused. */
  add(pending: PendingJob): boolean {
    if (pending.job.priority !== 'command' && this.length >= this.#limit) return false;
    this.#waiting[pending.job.priority].push(pending);
    return true;
  }

  peek(): PendingJob | null {
    for (const priority of priorities) {
      const first = this.#waiting[priority][0];
      if (first !== undefined) return first;
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
