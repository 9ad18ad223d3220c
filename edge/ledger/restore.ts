import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { PilegateError } from '#shared/errors.ts';
import { syncFile, syncFolderOf } from './durable-files.ts';
import { freshPath, takeName, workshopPath } from './file-names.ts';
import { migrations } from './migrations.ts';
import { openDatabase } from './open-database.ts';
import { quarantine } from './quarantine.ts';
import { type Salvaged, salvage } from './salvage.ts';

export interface Restored {
  readonly salvaged: Salvaged;
  /** Where the store is that was there before; null when there was none. */
  readonly keptAt: string | null;
}

/**
 * Makes a backup the ledger of a data folder in which no edge works. The new store has an epoch of its own and numbers its
 * records from 1: those of the backup stand for other ones in the cloud by now. Its open sessions are marked `restored`.
 *
 * The caller holds the lock of the folder.
 *
 * @throws PilegateError `config.invalid` when the file is no sound backup; then nothing has been touched
 */
export function restoreBackup(file: string, dataDir: string, nowMs: number): Restored {
  checkBackup(file);
  const target = join(dataDir, 'ledger.db');
  const workshop = workshopPath(target);
  rmSync(workshop, { recursive: true, force: true });
  mkdirSync(workshop, { recursive: true });
  try {
    // Read from a copy of our own: the medium may not take the files that SQLite makes beside it.
    const source = join(workshop, 'backup.db');
    copyFileSync(file, source);
    const path = join(workshop, 'ledger.db');
    const database = openDatabase(path);
    const salvaged = salvage(source, database, 'restored', null);
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.close();
    syncFile(path);
    // Whole when it comes there: an edge that starts when the former ledger has gone takes it up from there.
    renameSync(path, freshPath(target));
    syncFolderOf(target);
    const keptAt = quarantine(target, nowMs);
    takeName(target);
    return { salvaged, keptAt };
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

function checkBackup(file: string): void {
  if (!existsSync(file)) throw new PilegateError('config.invalid', `there is no file ${file}`);
  const database = new Database(file, { readonly: true });
  try {
    const found = database.pragma('integrity_check(1)', { simple: true });
    if (found !== 'ok') throw new PilegateError('config.invalid', `${file} is damaged: ${String(found)}`);
    const version = Number(database.pragma('user_version', { simple: true }));
    if (version < 1 || version > migrations.length)
      throw new PilegateError('config.invalid', `${file} is no ledger that this software knows (store ${version})`);
  } catch (cause) {
    if (cause instanceof PilegateError) throw cause;
    throw new PilegateError('config.invalid', `${file} is no database: ${String(cause)}`, { cause });
  } finally {
    database.close();
  }
}
