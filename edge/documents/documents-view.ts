import type { DocumentKind, DocumentSource } from '#shared/documents.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { Door } from './document-door.ts';
import type { DocumentState } from './document-history.ts';

/** One version as the technician sees it. */
export interface VersionView {
  readonly version: number;
  readonly state: DocumentState;
  readonly source: DocumentSource;
  readonly digest: string;
  readonly reason: string | null;
  readonly takenAt: Stamp;
}

/** The documents of one kind as the technician sees them. */
export interface DocumentView {
  readonly kind: DocumentKind;
  /** Newest first. */
  readonly versions: readonly VersionView[];
  /** Why the last document that was offered was refused; null when it was taken. */
  readonly refused: string | null;
}

export const viewOfDocuments = ({ kind, history, refused }: Door): DocumentView => ({
  kind,
  versions: history.map(({ version, state, source, digest, reason, takenAt }) => ({
    version,
    state,
    source,
    digest,
    reason,
    takenAt,
  })),
  refused,
});
