import type { DocumentKind } from '#shared/documents.ts';
import type { Hello } from '#shared/wire/messages.ts';
import type { DocumentChange, StoredDocument } from '../documents/document-history.ts';
import type { Row, Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

/** Within a transaction: writes what has changed of the documents of one kind. */
export function putDocumentsIn(store: Store, { kind, put, drop }: DocumentChange): void {
  for (const version of drop) store.run(`DELETE FROM documents WHERE kind = ? AND version = ?`, kind, version);
  // Whatever leaves its place does so before another takes it: one is active, and one pending, at every moment.
  const inOrder = [...put.filter((document) => !isInUse(document)), ...put.filter(isInUse)];
  for (const document of inOrder)
    store.run(
      `INSERT INTO documents (kind, version, text, digest, source, state, reason, trial, taken_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (kind, version) DO UPDATE SET state = excluded.state, reason = excluded.reason, trial = excluded.trial`,
      kind,
      document.version,
      document.text,
      document.digest,
      document.source,
      document.state,
      document.reason,
      document.trial === null ? null : JSON.stringify(document.trial),
      JSON.stringify(document.takenAt),
    );
}

const isInUse = ({ state }: StoredDocument): boolean => state === 'active' || state === 'waiting' || state === 'trying';

/** Everything that is kept of all kinds, newest first within each. */
export function documentsIn(store: Store): StoredDocument[] {
  return store.rows(`SELECT * FROM documents ORDER BY kind, version DESC`).map(documentOf);
}

/** Without their text. */
export const documentsInForceIn = (store: Store): NonNullable<Hello['documents']> =>
  store.rows(`SELECT kind, version, digest FROM documents WHERE state = 'active' ORDER BY kind`).map((row) => ({
    documentKind: String(row.kind) as DocumentKind,
    version: Number(row.version),
    digest: String(row.digest),
  }));

function documentOf(row: Row): StoredDocument {
  return {
    kind: String(row.kind) as StoredDocument['kind'],
    version: Number(row.version),
    text: String(row.text),
    digest: String(row.digest),
    source: String(row.source) as StoredDocument['source'],
    state: String(row.state) as StoredDocument['state'],
    reason: row.reason === null ? null : String(row.reason),
    trial: row.trial === null ? null : parseStored(row.trial),
    takenAt: parseStored(row.taken_at),
  };
}
