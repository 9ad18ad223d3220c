/** How far back the load of a line is looked at. */
const WINDOW_MS = 500;

/** How busy a line has been lately: the share of time in which nothing could be asked on it, older time counting less. */
export class LineLoad {
  #share = 0;
  #untilMonoMs: number;

  constructor(nowMonoMs: number) {
    this.#untilMonoMs = nowMonoMs;
  }

  /** Notes that a question kept the line, the silence that it leaves behind included. */
  took(fromMonoMs: number, toMonoMs: number): void {
    this.#pass(fromMonoMs, 0);
    this.#pass(toMonoMs, 1);
  }

  /** 0 to 1, at the end of what was noted last. */
  get share(): number {
    return this.#share;
  }

  #pass(toMonoMs: number, towards: 0 | 1): void {
    const elapsedMs = Math.max(0, toMonoMs - this.#untilMonoMs);
    this.#share = towards + (this.#share - towards) * Math.exp(-elapsedMs / WINDOW_MS);
    this.#untilMonoMs = Math.max(this.#untilMonoMs, toMonoMs);
  }
}
