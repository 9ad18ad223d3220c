import type { Timers } from '#shared/clock.ts';
import type { Scheduler } from './scheduler.ts';

interface Stretched {
  readonly wantedMs: number;
  readonly action: () => void;
  cancel: () => void;
}

/** Which timers come late: shorter and longer ones keep their time. */
const LATE = { fromMs: 200, belowMs: 60_000, mostMs: 60_000 };
/** How late: a little while something is going on, much while nothing is. */
const BUSY_FACTOR = 8;
const CALM_FACTOR = 60;

/**
 * The life of one process. With its end every timer, message and answer of it is gone: whatever of it still runs, has no
 * effect on anything.
 */
export class Life {
  #isOver = false;
  readonly #onEnd: (() => void)[] = [];

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is to be done to the world when it ends, last come first. */
  onEnd(action: () => void): void {
    this.#onEnd.push(action);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const action of this.#onEnd.reverse()) action();
  }

  /** A promise of this process: after its end it is never settled. */
  guard<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#isOver || resolve(value),
        (error: unknown) => this.#isOver || reject(error),
      );
    });
  }
}

/** An action of a life, and what becomes of an error in it that nobody catches. */
const guarded = (life: Life, action: () => void, onThrow: (error: unknown) => void) => () => {
  if (life.isOver) return;
  try {
    action();
  } catch (error) {
    onThrow(error);
  }
};

/** Timers that end with a life, and are on time. */
export const exactTimers = (scheduler: Scheduler, life: Life, onThrow: (error: unknown) => void): Timers => ({
  after: (delayMs, action) => scheduler.after(delayMs, guarded(life, action, onThrow)),
});

/**
 * Timers that end with a life, and come late, as on a machine that sleeps a lot: what repeats itself four times a second would
 * otherwise be nearly all that there is to simulate.
 */
export class SleepyTimers implements Timers {
  readonly #scheduler: Scheduler;
  readonly #life: Life;
  readonly #isCalm: () => boolean;
  readonly #onThrow: (error: unknown) => void;
  readonly #stretched = new Set<Stretched>();

  /** @param onThrow what becomes of an error that nobody catches */
  constructor(scheduler: Scheduler, life: Life, isCalm: () => boolean, onThrow: (error: unknown) => void) {
    this.#scheduler = scheduler;
    this.#life = life;
    this.#isCalm = isCalm;
    this.#onThrow = onThrow;
  }

  after(delayMs: number, action: () => void): () => void {
    if (this.#life.isOver) return () => {};
    const run = guarded(this.#life, action, this.#onThrow);
    if (delayMs < LATE.fromMs || delayMs >= LATE.belowMs) return this.#scheduler.after(delayMs, run);
    if (this.#isCalm()) return this.#late(delayMs, run);
    return this.#scheduler.after(Math.min(delayMs * BUSY_FACTOR, Math.max(delayMs, 10_000)), run);
  }

  /** Something begins: whoever sleeps is on time again. */
  wake(): void {
    for (const late of [...this.#stretched]) {
      this.#stretched.delete(late);
      late.cancel();
      late.cancel = this.#scheduler.after(late.wantedMs, late.action);
    }
  }

  #late(delayMs: number, run: () => void): () => void {
    const action = () => {
      this.#stretched.delete(late);
      run();
    };
    const lateMs = Math.min(delayMs * CALM_FACTOR, LATE.mostMs);
    const late: Stretched = { wantedMs: delayMs, action, cancel: this.#scheduler.after(lateMs, action) };
    this.#stretched.add(late);
    return () => {
      this.#stretched.delete(late);
      late.cancel();
    };
  }
}
