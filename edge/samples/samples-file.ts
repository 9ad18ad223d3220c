import Database, { type Database as Sqlite } from 'better-sqlite3';
import { quarantine } from '../ledger/quarantine.ts';
import { troubleOf } from '../ledger/store-trouble.ts';
import { samplesMigrations } from './samples-schema.ts';
import { buryUntaken } from './tombstones.ts';

/** WAL pages after which they are brought into the database, and synced: 1 MB. */
const CHECKPOINT_PAGES = 256;

/**
 * Opens the store of samples: WAL with synchronous=NORMAL, so that a group of samples costs no fsync. A power cut may take
 * what was written since the last checkpoint, and nothing else. A file that is damaged goes to quarantine and is made
 * anew; that what it held is gone is the first thing the new one knows.
 *
 * @throws SqliteError when it can be neither opened nor made
 */
export function openSamples(path: string, maxBytes: number, nowMs: number): Sqlite {
  try {
    return openFile(path, maxBytes);
  } catch (error) {
    if (troubleOf(error) !== 'damaged') throw error;
    return replaceSamples(path, maxBytes, nowMs);
  }
}

/** The file was found damaged while it was open; it has been closed. */
export function replaceSamples(path: string, maxBytes: number, nowMs: number): Sqlite {
  quarantine(path, nowMs);
  const database = openFile(path, maxBytes);
  const untold = { fromWallMs: null, toWallMs: nowMs, count: null };
  buryUntaken(database, { reason: 'damaged', ...untold, seq: 1, numbers: 1 }, 0);
  return database;
}

function openFile(path: string, maxBytes: number): Sqlite {
  const database = new Database(path);
  try {
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('temp_store = MEMORY');
    database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    // A group of samples, and the thinning that makes room for it, must fit above the cap.
    database.pragma(`max_page_count = ${Math.ceil((maxBytes * 1.1) / 4096) + 64}`);
    const version = Number(database.pragma('user_version', { simple: true }));
    samplesMigrations.slice(version).forEach((sql, i) => {
      database.transaction(() => {
        database.exec(sql);
        database.pragma(`user_version = ${version + i + 1}`);
      })();
    });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
