import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why nothing can be mounted here; null when it can. */
export function whyNoMount(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'pilegate-test', folder], { stdio: 'pipe' });
    execFileSync('umount', ['-l', folder]);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until whoever holds the other end of its input is gone, in whatever way, and unmounts. */
const GUARD = 'read _; umount -l "$0" && rmdir "$0"';

/** A file system of a few MB in memory, for a data folder. It is unmounted however the test or its process ends. */
export class SmallDisk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pilegate-small-'));
  readonly #guard: ChildProcess;

  constructor(size: string) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'pilegate-test', this.#folder]);
    this.#guard = spawn('sh', ['-c', GUARD, this.#folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    mkdirSync(this.dataDir);
  }

  get dataDir(): string {
    return join(this.#folder, 'data');
  }

  get #foreignFile(): string {
    return join(this.#folder, 'foreign');
  }

  /** Somebody else takes what is free, to the last byte. */
  fill(): void {
    const file = openSync(this.#foreignFile, 'a');
    try {
      for (const bytes of [1_048_576, 65_536, 4096]) while (isWritten(file, Buffer.alloc(bytes, 1)));
    } finally {
      closeSync(file);
    }
  }

  /** What somebody else took is free again. */
  clear(): void {
    rmSync(this.#foreignFile, { force: true });
  }

  /** Resolves when it is unmounted. */
  async remove(): Promise<void> {
    const ended = once(this.#guard, 'close');
    this.#guard.stdin?.end();
    await ended;
    if (existsSync(this.#folder)) throw new Error(`${this.#folder} is still there`);
  }
}

function isWritten(file: number, piece: Buffer): boolean {
  try {
    return writeSync(file, piece) === piece.length;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
