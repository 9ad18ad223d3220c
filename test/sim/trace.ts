import { createHash } from 'node:crypto';

const KEPT = 400;

/** Everything that has happened, in one word; the last of it also in plain text. */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #last: string[] = [];
  readonly #nowMs: () => number;
  readonly #onLine: ((line: string) => void) | null;

  /** @param onLine hears every line as well */
  constructor(nowMs: () => number, onLine: ((line: string) => void) | null = null) {
    this.#nowMs = nowMs;
    this.#onLine = onLine;
  }

  note(who: string, what: string): void {
    const line = `${new Date(this.#nowMs()).toISOString()} ${who}: ${what}`;
    this.#hash.update(`${line}\n`);
    this.#last.push(line);
    this.#onLine?.(line);
    if (this.#last.length > 2 * KEPT) this.#last.splice(0, KEPT);
  }

  get last(): readonly string[] {
    return this.#last.slice(-KEPT);
  }

  sha256(): string {
    return this.#hash.copy().digest('hex');
  }
}
