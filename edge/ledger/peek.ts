import Database from 'better-sqlite3';
import type { StoredDocument } from '../documents/document-history.ts';
import { documentsIn } from './documents.ts';
import { Store } from './store.ts';
import { isStoreError } from './store-trouble.ts';

/** What has to be known of a ledger before it is opened in earnest. */
export interface Peeked {
  readonly documents: readonly StoredDocument[];
  /** Connectors whose charge is open. */
  readonly charging: ReadonlySet<string>;
}

/**
 * Looks into a ledger without changing it: its journal stays as a power cut may have left it, for those who check it. What is seen
 * may be wrong where the ledger is damaged, so it is looked at again when the ledger has been opened.
 *
 * @returns null when nothing can be seen: there is no ledger yet, or it cannot be read
 */
export function peekIntoLedger(path: string): Peeked | null {
  try {
    const database = new Database(path, { readonly: true, fileMustExist: true });
    try {
      return lookInto(new Store(database));
    } finally {
      database.close();
    }
  } catch (error) {
    // The package throws a TypeError where the folder is not there.
    if (isStoreError(error) || error instanceof TypeError) return null;
    throw error;
  }
}

function lookInto(store: Store): Peeked {
  const has = (table: string) => store.row(`SELECT 1 FROM sqlite_schema WHERE name = ?`, table) !== undefined;
  const open = has('sessions') ? store.rows(`SELECT connector_id FROM sessions WHERE is_open = 1`) : [];
  return {
    documents: has('documents') ? documentsIn(store) : [],
    charging: new Set(open.map((row) => String(row.connector_id))),
  };
}
