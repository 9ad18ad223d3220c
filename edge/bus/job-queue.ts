import { classOf, type LineJob, type QueueClass, queueClasses } from './exchange.ts';
import type { LineError } from './line-error.ts';

export interface PendingJob {
  // The line hands an answer back to whoever asked; in between it does not matter what it is.
  readonly job: LineJob<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: LineError) => void;
}

/** When the line may carry a job, not before now, and whether all that is not held back goes first. */
export interface Turn {
  readonly readyAtMonoMs: number;
  readonly isHeldBack: boolean;
}

export interface NextJob {
  readonly pending: PendingJob;
  readonly readyAtMonoMs: number;
}

/** Jobs waiting for one line: by class, and within a class in order of arrival. Bounded. */
export class JobQueue {
  readonly #waiting: Record<QueueClass, PendingJob[]> = { stop: [], command: [], 'keep-alive': [], poll: [] };
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return queueClasses.reduce((sum, name) => sum + this.#waiting[name].length, 0);
  }

  /** False when the queue is full; stops and commands are taken even then, because a stop must never be refused. */
  add(pending: PendingJob): boolean {
    const name = classOf(pending.job.priority);
    const isCommand = name === 'stop' || name === 'command';
    if (!isCommand && this.length >= this.#limit) return false;
    this.#waiting[name].push(pending);
    return true;
  }

  /**
   * Of the highest class that waits, the job that can go first; of several that can go now, the oldest. A lower class
   * does not fill the gaps of a higher one: it could be in the way when the gap is over. Only what is held back, because
   * its device may be dead, lets everything else go first.
   */
  next(turnOf: (job: LineJob<unknown>) => Turn): NextJob | null {
    let heldBack: NextJob | null = null;
    for (const name of queueClasses) {
      let best: NextJob | null = null;
      for (const pending of this.#waiting[name]) {
        const turn = turnOf(pending.job);
        const next = { pending, readyAtMonoMs: turn.readyAtMonoMs };
        if (turn.isHeldBack) heldBack = earlier(heldBack, next);
        else best = earlier(best, next);
      }
      if (best !== null) return best;
    }
    return heldBack;
  }

  /** False when it waits no more. */
  take(pending: PendingJob): boolean {
    const waiting = this.#waiting[classOf(pending.job.priority)];
    const index = waiting.indexOf(pending);
    if (index >= 0) waiting.splice(index, 1);
    return index >= 0;
  }

  drain(): PendingJob[] {
    return queueClasses.flatMap((name) => this.#waiting[name].splice(0));
  }
}

/** The first of two that can go at the same time. */
const earlier = (one: NextJob | null, other: NextJob): NextJob =>
  one !== null && one.readyAtMonoMs <= other.readyAtMonoMs ? one : other;
