import { createWriteStream, mkdirSync, statSync, type WriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';

export interface LinesFileParts {
  readonly folder: string;
  readonly name: string;
  /** What is recorded, for whoever reads that it ends. */
  readonly what: string;
  /** Of the present file and the one before together. */
  readonly maxBytes: number;
  readonly log: Logger;
}

/** What a slow disk may keep waiting before lines are left out: nobody waits for it. */
const MOST_WAITING_BYTES = 1_000_000;

/**
 * A recording in two files: `<name>.jsonl` and, when that is half of the limit, `<name>.before.jsonl`. A disk
 * that cannot be written ends the recording and nothing else.
 */
export class LinesFile {
  readonly #parts: LinesFileParts;
  readonly #path: string;
  #stream: WriteStream | null = null;
  #bytes = 0;
  #closed = false;
  #turning: Promise<void> = Promise.resolve();

  constructor(parts: LinesFileParts) {
    this.#parts = parts;
    this.#path = join(parts.folder, `${parts.name}.jsonl`);
    try {
      mkdirSync(parts.folder, { recursive: true });
      // What was recorded before a restart may be what somebody looks for.
      this.#bytes = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
      this.#stream = this.#open();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /** @param line with its end */
  write(line: string): void {
    if (this.#stream === null || this.#stream.writableLength > MOST_WAITING_BYTES) return;
    this.#stream.write(line);
    this.#bytes += line.length;
    if (this.#bytes >= this.#parts.maxBytes / 2) this.#turning = this.#turnOver(this.#stream);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    this.#closed = true;
    if (stream !== null) await ended(stream);
    await this.#turning;
  }

  /** Lines that come meanwhile are left out: the disk may be slow. */
  async #turnOver(stream: WriteStream): Promise<void> {
    this.#stream = null;
    this.#bytes = 0;
    await ended(stream);
    try {
      await rename(this.#path, this.#path.replace(/\.jsonl$/, '.before.jsonl'));
    } catch (error) {
      return this.#giveUp(error);
    }
    if (!this.#closed) this.#stream = this.#open();
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: 'a' });
    stream.on('error', (error) => this.#giveUp(error));
    return stream;
  }

  /** Told once, whichever of opening, writing and renaming fails first. */
  #giveUp(error: unknown): void {
    this.#stream = null;
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.log.warn(
      { reason: error instanceof Error ? error.message : String(error) },
      `recording of ${this.#parts.what} ends`,
    );
  }
}

function ended(stream: WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.end();
  });
}
