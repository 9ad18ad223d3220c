import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { syncFolderOf } from './durable-files.ts';

const PIECE_BYTES = 1_048_576;

/** `none`: the site's file asks for no ballast. `failed`: the disk takes none, and not for want of space. */
export type BallastState = 'held' | 'released' | 'none' | 'failed';

/**
 * Space that is kept so that it can be given back: on a full disk SQLite can neither delete nor checkpoint, and a charge
 * that runs could not be closed. The file is really written, with bytes that no file system can compress away.
 *
 * Nothing here throws: charges go on without a ballast, and whether the store itself can be written is judged by the store.
 */
export class Ballast {
  readonly path: string;
  readonly bytes: number;
  readonly #onTrouble: (error: unknown) => void;
  #failed: string | null = null;

  /** @param onTrouble told once of each failure that is not the one before */
  constructor(path: string, bytes: number, onTrouble: (error: unknown) => void = () => {}) {
    this.path = path;
    this.bytes = bytes;
    this.#onTrouble = onTrouble;
  }

  get state(): BallastState {
    if (this.bytes === 0) return 'none';
    if (this.#failed !== null) return 'failed';
    try {
      return this.#size() === this.bytes ? 'held' : 'released';
    } catch (error) {
      this.#fail(error);
      return 'failed';
    }
  }

  /**
   * Takes the space, unless it is held already. One that failed is tried again.
   *
   * @returns false when the disk does not have it: then nothing is kept of it
   */
  take(): boolean {
    if (this.bytes === 0) return true;
    try {
      if (this.#size() !== this.bytes) this.#write();
      this.#failed = null;
      return true;
    } catch (error) {
      if (!isNoSpace(error)) {
        this.#fail(error);
        return true;
      }
      this.release();
      return false;
    }
  }

  release(): void {
    try {
      if (this.#size() !== null) unlinkSync(this.path);
      syncFolderOf(this.path);
      this.#failed = null;
    } catch (error) {
      this.#fail(error);
    }
  }

  #size(): number | null {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? null;
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#failed !== reason) this.#onTrouble(error);
    this.#failed = reason;
  }

  #write(): void {
    const piece = randomFillSync(Buffer.allocUnsafe(Math.min(PIECE_BYTES, this.bytes)));
    const file = openSync(this.path, 'w', 0o600);
    try {
      for (let left = this.bytes; left > 0; ) left -= writeSync(file, piece, 0, Math.min(piece.length, left));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    syncFolderOf(this.path);
  }
}

const isNoSpace = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
