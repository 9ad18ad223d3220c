/** What a thread has logged last, for whoever asks from afar. */
export class LogRing {
  readonly #mostBytes: number;
  readonly #lines: string[] = [];
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** A line that is longer than everything that is kept loses its end. */
  add(line: string): void {
    const kept = line.slice(0, this.#mostBytes);
    this.#lines.push(kept);
    this.#bytes += kept.length;
    while (this.#bytes > this.#mostBytes) this.#bytes -= this.#lines.shift()?.length ?? 0;
  }

  /** Oldest first. */
  lines(): string[] {
    return [...this.#lines];
  }
}

/** Of each thread. */
export const LOG_KEPT_BYTES = 131_072;
