import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncFile, syncFolderOf } from './durable-files.ts';

/** So many are kept; of more the oldest go, so that a failing disk does not fill itself with its own remains. */
const KEPT = 5;

/**
 * Moves a database with its journal out of the way, to `quarantine/<utc time>/`. Nothing of it is changed: it may hold
 * what a person can still read.
 *
 * @returns where the database is now, or null when there was none
 */
export function quarantine(path: string, nowMs: number): string | null {
  const present = [path, `${path}-wal`, `${path}-shm`].filter((file) => existsSync(file));
  const folder = freshFolder(join(dirname(path), 'quarantine'), nowMs);
  for (const file of present) renameSync(file, join(folder, basename(file)));
  syncFile(folder);
  syncFolderOf(path);
  return present.includes(path) ? join(folder, basename(path)) : null;
}

function freshFolder(parent: string, nowMs: number): string {
  mkdirSync(parent, { recursive: true });
  const kept = readdirSync(parent).sort();
  for (const old of kept.slice(0, Math.max(0, kept.length + 1 - KEPT)))
    rmSync(join(parent, old), { recursive: true, force: true });
  const name = new Date(nowMs).toISOString().replaceAll(':', '-');
  for (let n = 0; ; n += 1) {
    const folder = join(parent, n === 0 ? name : `${name}-${n}`);
    if (existsSync(folder)) continue;
    mkdirSync(folder);
    return folder;
  }
}
