import Database from 'better-sqlite3';

/**
 * What a failed operation means. `full`: nothing of it is stored, and nothing can be until there is room.
 * `in-doubt`: a write or its fsync failed, and what the file holds is known only after it was opened again: file systems
 * forget what they could not write. `damaged`: the file is no store any more, or holds what this software never wrote.
 */
export type Trouble = 'full' | 'in-doubt' | 'damaged';

/** A row that cannot be what was stored. */
export class DamagedRow extends Error {}

/** The file does not open. Whether the transaction under way is stored can be told only when it does again. */
export class StoreInDoubt extends Error {
  /** Opens the file and looks. @throws StoreInDoubt when it still does not open */
  readonly isStored: () => boolean;

  constructor(cause: unknown, isStored: () => boolean) {
    super(`the store does not open: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.isStored = isStored;
  }
}

/** The disk is full, failed, or the store is damaged: what was to be stored is not, or nobody knows. */
export const isStoreError = (error: unknown): error is Error =>
  error instanceof Database.SqliteError || error instanceof DamagedRow || error instanceof StoreInDoubt;

export function troubleOf(error: unknown): Trouble | null {
  if (error instanceof DamagedRow) return 'damaged';
  if (!(error instanceof Database.SqliteError)) return null;
  if (error.code === 'SQLITE_FULL') return 'full';
  if (error.code.startsWith('SQLITE_CORRUPT') || error.code === 'SQLITE_NOTADB') return 'damaged';
  if (error.message === 'malformed JSON') return 'damaged';
  return error.code.startsWith('SQLITE_IOERR') || error.code.startsWith('SQLITE_CANTOPEN') ? 'in-doubt' : null;
}

/** Said by the file system beside SQLite: read-only, failing, or something is in the way. */
export const isFileError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && !(error instanceof Database.SqliteError) && 'syscall' in error;

/** A column with a JSON document. @throws DamagedRow */
export function parseStored<Value>(text: unknown): Value {
  try {
    return JSON.parse(String(text));
  } catch (cause) {
    throw new DamagedRow('a stored document is not JSON', { cause });
  }
}
