import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { syncFolderOf } from './durable-files.ts';

const PIECE_BYTES = 1_048_576;

/** `none`: the site's file asks for no ballast. */
export type BallastState = 'held' | 'released' | 'none';

/**
 * Space that is kept so that it can be given back: on a full disk SQLite can neither delete nor checkpoint, and a charge
 * that runs could not be closed. The file is really written, with bytes that no file system can compress away.
 */
export class Ballast {
  readonly path: string;
  readonly bytes: number;

  constructor(path: string, bytes: number) {
    this.path = path;
    this.bytes = bytes;
  }

  get state(): BallastState {
    if (this.bytes === 0) return 'none';
    return sizeOf(this.path) === this.bytes ? 'held' : 'released';
  }

  /** Takes the space, unless it is held already. False when the disk does not have it: then nothing is kept of it. */
  take(): boolean {
    if (this.state !== 'released') return true;
    try {
      this.#write();
      return true;
    } catch (error) {
      this.release();
      if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
        return false;
      throw error;
    }
  }

  release(): void {
    rmSync(this.path, { force: true });
    syncFolderOf(this.path);
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

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}
