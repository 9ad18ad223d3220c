import { symbols } from 'pino';

/** Held by the thread that has written a part of a line: no other may write until the rest is out. */
export type LineGate = SharedArrayBuffer;

export const createLineGate = (): LineGate => new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);

export interface LogStreamParts {
  /** Takes as many bytes as it can without waiting, and tells how many. Throws when it can take none. */
  readonly write: (bytes: Uint8Array) => number;
  readonly gate: LineGate;
  /** Hears every line, also those that nobody reads. */
  readonly onLine?: (text: string) => void;
  /** Lines were lost, and there is room again. */
  readonly onDropped: (lines: number) => void;
}

/** About forty alarms with their frames. A box has little memory, and what is older than this is in the ledger. */
export const MOST_KEPT_BYTES = 262_144;
const AGAIN_AFTER_MS = 50;
/** Whoever restarts the edge waits no longer than this for the log of one whose reader has stalled. */
const LAST_TRY_MS = 500;
const FATAL = 60;

/**
 * The end of a log that never waits for its reader. A line is written at once; what the reader does not take is kept up
 * to a bound and tried again, and what goes beyond the bound is dropped and counted. A fatal line is kept in any case.
 */
export class LogStream {
  readonly #parts: LogStreamParts;
  readonly #gate: Int32Array;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #dropped = 0;
  /** The first of what is kept has begun to go out: the gate is ours. */
  #isTorn = false;
  #isDue = false;
  /** Asks pino for the level of each line, and is where pino puts it. */
  readonly [symbols.needsMetadataGsym] = true;
  lastLevel = 0;

  constructor(parts: LogStreamParts) {
    this.#parts = parts;
    this.#gate = new Int32Array(parts.gate);
  }

  write(text: string): void {
    this.#parts.onLine?.(text);
    const line = Buffer.from(text);
    const isKept = this.#dropped === 0 && this.#keptBytes + line.length <= MOST_KEPT_BYTES;
    if (!isKept && this.lastLevel < FATAL) {
      this.#dropped += 1;
      return;
    }
    this.#kept.push(line);
    this.#keptBytes += line.length;
    // While something waits its turn, the retry has it: a stalled reader is not asked anew for every line.
    if (!this.#isDue) this.#writeKept();
  }

  /** Called by pino after a fatal line, and before the end: gives a slow reader a last, bounded time. */
  flushSync(): void {
    const nothing = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const endMs = performance.now() + LAST_TRY_MS;
    while (!this.#tryKept() && performance.now() < endMs) Atomics.wait(nothing, 0, 0, 10);
    if (this.#kept.length === 0) this.#tellDropped();
  }

  flush(done: () => void): void {
    this.flushSync();
    done();
  }

  #writeKept(): void {
    if (this.#tryKept()) return this.#tellDropped();
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      this.#writeKept();
    }, AGAIN_AFTER_MS).unref();
  }

  #tellDropped(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#parts.onDropped(dropped);
  }

  /** @returns whether everything is out */
  #tryKept(): boolean {
    for (let [line] = this.#kept; line !== undefined; [line] = this.#kept) {
      if (!this.#isTorn && Atomics.compareExchange(this.#gate, 0, 0, 1) !== 0) return false;
      const written = this.#writeNow(line);
      this.#keptBytes -= written;
      const isOut = written === line.length;
      if (isOut) this.#kept.shift();
      else this.#kept[0] = line.subarray(written);
      this.#isTorn = !isOut && (this.#isTorn || written > 0);
      if (!this.#isTorn) Atomics.store(this.#gate, 0, 0);
      if (!isOut) return false;
    }
    return true;
  }

  /** A reader that is gone, and a disk that is full, are as one that does not read: the edge goes on without a log. */
  #writeNow(line: Buffer): number {
    try {
      return this.#parts.write(line);
    } catch {
      return 0;
    }
  }
}
