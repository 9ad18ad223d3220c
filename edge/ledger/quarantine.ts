import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncFile, syncFolderOf } from './durable-files.ts';

/** So many of each database are kept; of more the oldest go, so that a failing disk does not fill itself with its own remains. */
const KEPT = 5;

/** What a database consists of, in the order in which it goes: what is left behind of it says that it was under way. */
const filesOf = (path: string): string[] => [path, `${path}-wal`, `${path}-shm`];

/** Whether there is a journal whose database has gone: it must never be read together with another one. */
export const isJournalAlone = (path: string): boolean =>
  !existsSync(path) && filesOf(path).some((file) => existsSync(file));

/** Makes sure that there is a place for what is to be moved. @throws when the disk does not take it */
export function makeQuarantine(path: string): void {
  mkdirSync(quarantineOf(path), { recursive: true });
}

/**
 * Moves a database with its journal out of the way, to `quarantine/<database>-<number>-<utc time>/`. Nothing of it is
 * changed: it may hold what a person can still read. A journal that was left behind follows its database.
 *
 * @returns where the database is now, or null when there was none
 */
export function quarantine(path: string, nowMs: number): string | null {
  makeQuarantine(path);
  const present = filesOf(path).filter((file) => existsSync(file));
  const folder = (isJournalAlone(path) ? unfinished(path) : null) ?? freshFolder(path, nowMs);
  for (const file of present) renameSync(file, join(folder, basename(file)));
  syncFile(folder);
  syncFolderOf(path);
  return present.includes(path) ? join(folder, basename(path)) : null;
}

const quarantineOf = (path: string): string => join(dirname(path), 'quarantine');

/** Folders of this database, oldest first: by their number, because the clock may have been wrong. */
function foldersOf(path: string): { readonly folder: string; readonly number: number }[] {
  const name = `${basename(path)}-`;
  return readdirSync(quarantineOf(path))
    .filter((folder) => folder.startsWith(name))
    .map((folder) => ({
      folder: join(quarantineOf(path), folder),
      number: Number.parseInt(folder.slice(name.length), 10),
    }))
    .sort((a, b) => a.number - b.number);
}

/** Where the database is to which a journal belongs that was left behind. */
function unfinished(path: string): string | null {
  const folder = foldersOf(path).at(-1)?.folder ?? null;
  return folder === null || existsSync(join(folder, `${basename(path)}-wal`)) ? null : folder;
}

function freshFolder(path: string, nowMs: number): string {
  const kept = foldersOf(path);
  for (const { folder } of kept.slice(0, Math.max(0, kept.length + 1 - KEPT)))
    rmSync(folder, { recursive: true, force: true });
  const time = new Date(nowMs).toISOString().replaceAll(':', '-');
  const folder = join(quarantineOf(path), `${basename(path)}-${(kept.at(-1)?.number ?? 0) + 1}-${time}`);
  mkdirSync(folder);
  return folder;
}
