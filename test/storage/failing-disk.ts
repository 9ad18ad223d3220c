import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'fail-fsync.c');

/** Which calls are meant: from the n-th to the n-th after it was told, counted from 1, of files with this in their name. */
export interface Calls {
  readonly from?: number;
  readonly to?: number;
  readonly name?: string;
}

/** A disk that a test makes fail or stall under one process, while it runs. */
export class FailingDisk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pilegate-failing-'));
  #generation = 0;

  constructor() {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', this.#library, SOURCE, '-ldl', '-lpthread'], {
      stdio: 'inherit',
    });
  }

  get #library(): string {
    return join(this.#folder, 'fail-fsync.so');
  }

  get #control(): string {
    return join(this.#folder, 'control');
  }

  /** What the process needs in its environment: every file below the folder for temporary files is on this disk. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: this.#library, FAIL_FSYNC_FOLDER: tmpdir(), FAIL_FSYNC_CONTROL: this.#control };
  }

  /** How many calls have failed or stalled so far. */
  get hits(): number {
    return statSync(`${this.#control}.hits`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** fsync fails with EIO, until it is well again. */
  fail(calls: Calls = {}): void {
    this.#tell('eio', 0, calls);
  }

  /** Each fsync takes so much longer, until it is well again. */
  stall(ms: number, calls: Calls = {}): void {
    this.#tell('stall', ms, calls);
  }

  /** Works again; what is stalled comes back at once. */
  heal(): void {
    rmSync(this.#control, { force: true });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #tell(mode: 'eio' | 'stall', ms: number, { from = 1, to = 1_000_000, name = '/data/' }: Calls): void {
    this.#generation += 1;
    writeFileSync(`${this.#control}.new`, `${this.#generation} ${mode} ${from} ${to} ${ms} ${name}\n`);
    renameSync(`${this.#control}.new`, this.#control);
  }
}
