/**
 * "May deliver", with an expiry. Only the loop that has just decided renews it; the pile's watchdog is fed only while
 * it is valid. When the deciding loop hangs, nothing feeds the watchdog and the pile falls back by itself.
 */
export class Permit {
  readonly #validForMs: number;
  #untilMonoMs = Number.NEGATIVE_INFINITY;

  constructor(validForMs: number) {
    this.#validForMs = validForMs;
  }

  renew(nowMonoMs: number): void {
    this.#untilMonoMs = nowMonoMs + this.#validForMs;
  }

  isValid(nowMonoMs: number): boolean {
    return nowMonoMs < this.#untilMonoMs;
  }
}
