import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STALL_MS = 2000;

/** A disk that takes two seconds for every flush while it is switched on, for one process. */
export interface StallingDisk {
  /** What that process has in its environment. */
  readonly env: Readonly<Record<string, string>>;
  on(): void;
  /** @returns how many flushes have been held back since it was switched on */
  off(): number;
  remove(): void;
}

/**
 * Compiles the shim that holds flushes back.
 *
 * @throws when this machine has no C compiler
 */
export function buildStallingDisk(): StallingDisk {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-'));
  const shim = join(folder, 'fsync-stall.so');
  const control = join(folder, 'stall');
  const source = join(import.meta.dirname, 'fsync-stall.c');
  execFileSync('cc', ['-O2', '-shared', '-fPIC', source, '-o', shim, '-ldl']);
  return {
    env: {
      LD_PRELOAD: shim,
      FSYNC_STALL_SWITCH: control,
      FSYNC_STALL_MS: String(STALL_MS),
      FSYNC_STALL_FOLDER: tmpdir(),
    },
    on: () => writeFileSync(control, ''),
    off() {
      const stalls = statSync(control).size;
      rmSync(control);
      return stalls;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
