import type { Timers } from '#shared/clock.ts';

/** The pauses of a loop that runs at its own pace, and can be hurried. */
export class Pace {
  readonly #timers: Timers;
  #isHurried = false;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** The loop has been told to end: nothing is waited for any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** A turn begins: what hurried it has been heard. */
  begin(): void {
    this.#isHurried = false;
  }

  /** The next turn begins at once. */
  hurry(): void {
    this.#isHurried = true;
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** Waits until the next turn is due, or somebody is in a hurry. */
  pause(ms: number): Promise<void> {
    if (this.#isHurried || this.#isOver || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#timers.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
