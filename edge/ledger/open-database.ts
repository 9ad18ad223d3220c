import Database, { type Database as Sqlite } from 'better-sqlite3';
import { PilegateError } from '#shared/errors.ts';
import { migrations } from './migrations.ts';

/** SQLite's number for synchronous=FULL. */
const FULL = 2;
/** Its number for auto_vacuum=INCREMENTAL. */
const INCREMENTAL = 2;
const JOURNAL_LIMIT_BYTES = 16 * 1024 * 1024;
/** Pages of WAL after which a commit brings them into the database: 4 MB. */
const CHECKPOINT_PAGES = 1000;
export const PAGE_BYTES = 4096;

/**
 * Opens the ledger so that a commit survives a power cut: WAL with synchronous=FULL.
 *
 * The setting is read back after the first write, because better-sqlite3 is built with NORMAL for WAL and falls back
 * to it with the first transaction unless FULL was set explicitly. In NORMAL the last commits before a power cut may
 * vanish.
 *
 * @param maxBytes size of the database from which a commit fails with SQLITE_FULL, so that it does so where we choose
 * @throws PilegateError `store.unavailable` when durability cannot be had
 * @throws SqliteError when the file cannot be opened or is no database
 */
export function openDatabase(path: string, maxBytes: number | null = null): Sqlite {
  const database = new Database(path);
  try {
    setUp(database, path, maxBytes);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function setUp(database: Sqlite, path: string, maxBytes: number | null): void {
  // Before anything that may write: setting auto_vacuum writes a page, also where it is set already.
  database.pragma('synchronous = FULL');
  database.pragma(`page_size = ${PAGE_BYTES}`);
  if (database.pragma('auto_vacuum', { simple: true }) !== INCREMENTAL) database.pragma('auto_vacuum = INCREMENTAL');
  const mode = database.pragma('journal_mode = WAL', { simple: true });
  if (mode !== 'wal' && path !== ':memory:') {
    throw new PilegateError('store.unavailable', `${path}: journal mode is ${String(mode)}, needed is wal`);
  }
  database.pragma('foreign_keys = ON');
  database.pragma('temp_store = MEMORY');
  database.pragma(`journal_size_limit = ${JOURNAL_LIMIT_BYTES}`);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  if (maxBytes !== null) capPages(database, maxBytes);
  migrate(database, path);
  const synchronous = database.pragma('synchronous', { simple: true });
  if (synchronous !== FULL) {
    throw new PilegateError(
      'store.unavailable',
      `${path}: synchronous is ${String(synchronous)} after the first write, needed is ${FULL}`,
    );
  }
}

/** The cap holds for this connection only. A database that is larger already may keep its size. */
export function capPages(database: Sqlite, maxBytes: number): void {
  database.pragma(`max_page_count = ${Math.floor(maxBytes / PAGE_BYTES)}`);
}

/** A commit may want so many pages at once: with fewer left it is the cap that has refused it. */
const PAGES_OF_A_COMMIT = 64;

/** Bytes of pages that hold something, and of those that are free to be written again. */
export function pagesOf(database: Sqlite): { usedBytes: number; freeBytes: number; isAtCap: boolean } {
  const [pages, free, cap] = ['page_count', 'freelist_count', 'max_page_count'].map((name) =>
    Number(database.pragma(name, { simple: true })),
  ) as [number, number, number];
  return {
    usedBytes: (pages - free) * PAGE_BYTES,
    freeBytes: free * PAGE_BYTES,
    isAtCap: pages - free + PAGES_OF_A_COMMIT >= cap,
  };
}

/** Gives free pages back to the file system. SQLite gives one per step, so the statement is run to its end. */
export function giveBackPages(database: Sqlite, atMost: number): void {
  database.pragma(`incremental_vacuum(${atMost})`);
}

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
