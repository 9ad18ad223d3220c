import { existsSync, renameSync, rmSync } from 'node:fs';
import type { Database as Sqlite } from 'better-sqlite3';
import { PilegateError } from '#shared/errors.ts';
import { syncFile, syncFolderOf } from './durable-files.ts';

/** Pages copied before commits get their turn. */
const PAGES_A_STEP = 100;

/**
 * Copies a running ledger to a file, as it is at the end of the copying. Commits go on between the steps.
 *
 * @throws PilegateError `config.invalid` when the file exists; whatever the copying fails with, and then there is no file
 */
export async function backUp(database: Sqlite, file: string): Promise<void> {
  if (existsSync(file)) throw new PilegateError('config.invalid', `${file} exists already`);
  const part = `${file}.part`;
  rmSync(part, { force: true });
  try {
    await database.backup(part, { progress: () => PAGES_A_STEP });
    syncFile(part);
    renameSync(part, file);
    syncFolderOf(file);
  } finally {
    rmSync(part, { force: true });
  }
}
