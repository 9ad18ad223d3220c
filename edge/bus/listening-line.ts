import type { Clock, Timers } from '#shared/clock.ts';
import type { ByteStream } from './byte-stream.ts';

export interface ListeningLineParts {
  readonly stream: ByteStream;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly onOpened: (nowMonoMs: number) => void;
  readonly onBytes: (bytes: Uint8Array, nowMonoMs: number) => void;
  /** It could not be opened, or was lost; told once until it is open again. */
  readonly onLost: (reason: string) => void;
}

const REOPEN_AFTER_MS = 1000;

/**
 * The one owner of a port on which a device speaks by itself. Nothing is ever asked there, so there is no queue and no
 * deadline: it is opened, heard, and opened again when it is lost. What is on it is not recorded: it may be anybody's card.
 */
export class ListeningLine {
  readonly #parts: ListeningLineParts;
  #opened = 0;
  #isTold = false;
  #isClosed = false;
  #opening: Promise<void> = Promise.resolve();
  #cancelReopen: () => void = () => {};

  constructor(parts: ListeningLineParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#parts.stream.isOpen;
  }

  /** How often it has been opened. */
  get opened(): number {
    return this.#opened;
  }

  start(): void {
    this.#opening = this.#open();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelReopen();
    await this.#opening;
    await this.#parts.stream.close();
  }

  async #open(): Promise<void> {
    const { stream, clock, onOpened, onBytes } = this.#parts;
    try {
      await stream.close();
      await stream.open({
        onBytes: (bytes) => onBytes(bytes, clock.monoMs()),
        onClosed: (reason) => this.#lost(reason),
      });
    } catch (error) {
      return this.#lost(error instanceof Error ? error.message : String(error));
    }
    this.#opened += 1;
    this.#isTold = false;
    onOpened(clock.monoMs());
  }

  #lost(reason: string): void {
    if (this.#isClosed) return;
    if (!this.#isTold) this.#parts.onLost(reason);
    this.#isTold = true;
    this.#cancelReopen();
    this.#cancelReopen = this.#parts.timers.after(REOPEN_AFTER_MS, () => this.start());
  }
}
