import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, '..', 'torture', 'shift-clock.c');

/** A wall clock that a test sets wrong for one process, while it runs. */
export class WrongClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pilegate-clock-'));

  constructor(shiftMs = 0) {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', this.#library, SOURCE, '-ldl'], { stdio: 'inherit' });
    this.shift(shiftMs);
  }

  get #library(): string {
    return join(this.#folder, 'shift-clock.so');
  }

  get #file(): string {
    return join(this.#folder, 'shift-ms');
  }

  /** What the process needs in its environment. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: this.#library, SHIFT_CLOCK_FILE: this.#file };
  }

  /** From this moment on the process sees true time plus this. */
  shift(ms: number): void {
    writeFileSync(`${this.#file}.new`, String(ms));
    renameSync(`${this.#file}.new`, this.#file);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
