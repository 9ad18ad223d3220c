import Database, { type Database as Sqlite } from 'better-sqlite3';
import { PilegateError } from '#shared/errors.ts';
import { migrations } from './migrations.ts';

/** SQLite's number for synchronous=FULL. */
const FULL = 2;
const JOURNAL_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * Opens the ledger so that a commit survives a power cut: WAL with synchronous=FULL.
 *
 * The setting is read back after the first write, because better-sqlite3 is built with NORMAL for WAL and falls back
 * to it with the first transaction unless FULL was set explicitly. In NORMAL the last commits before a power cut may
 * vanish.
 *
 * @throws PilegateError `store.unavailable` when durability cannot be had
 */
export function openDatabase(path: string): Sqlite {
  const database = new Database(path);
  database.pragma('auto_vacuum = INCREMENTAL');
  const mode = database.pragma('journal_mode = WAL', { simple: true });
  if (mode !== 'wal' && path !== ':memory:') {
    throw new PilegateError('store.unavailable', `${path}: journal mode is ${String(mode)}, needed is wal`);
  }
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma('temp_store = MEMORY');
  database.pragma(`journal_size_limit = ${JOURNAL_LIMIT_BYTES}`);
  migrate(database, path);
  const synchronous = database.pragma('synchronous', { simple: true });
  if (synchronous !== FULL) {
    throw new PilegateError(
      'store.unavailable',
      `${path}: synchronous is ${String(synchronous)} after the first write, needed is ${FULL}`,
    );
  }
  return database;
}

/** The disk is full, failed, or the store is damaged: what was to be stored is not. */
export const isStoreError = (error: unknown): error is Error => error instanceof Database.SqliteError;

function migrate(database: Sqlite, path: string): void {
  const version = Number(database.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    throw new PilegateError(
      'store.unavailable',
      `${path}: written by newer software (store ${version}, known ${migrations.length})`,
    );
  }
  migrations.slice(version).forEach((sql, i) => {
    database.transaction(() => {
      database.exec(sql);
      database.pragma(`user_version = ${version + i + 1}`);
    })();
  });
}
