import { type DocumentKind, type DocumentSource, type DocumentStatus, MAX_TOLD_COMPLAINTS } from '#shared/documents.ts';
import type { Complaint } from '#shared/errors.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { DocumentChange, StoredDocument } from './document-history.ts';

interface Named {
  readonly kind: DocumentKind;
  readonly version: number;
  readonly digest: string;
  readonly source: DocumentSource;
}

/** How a stored version stands, as the cloud is told. */
export const statusOf = ({ state }: Pick<StoredDocument, 'state'>): DocumentStatus => {
  switch (state) {
    case 'active':
      return 'active';
    case 'waiting':
    case 'trying':
      return 'waiting';
    case 'former':
    case 'rolled-back':
    case 'withdrawn':
      return 'rolled-back';
  }
};

/** What the cloud is told of a stored version. */
export const reportOf = (stored: StoredDocument): RecordOf<'document.reported'> =>
  report(
    stored,
    statusOf(stored),
    stored.reason ?? (stored.state === 'former' ? 'a later version took its place' : null),
  );

/** What the cloud is told of a change: whatever stands otherwise than it was told before. That one was followed by another tells that one. */
export const reportsOf = ({ put }: DocumentChange): RecordOf<'document.reported'>[] =>
  put.filter(({ state }) => state !== 'former' && state !== 'trying').map(reportOf);

/** What the cloud is told of a version that was not taken. */
export const refusalOf = (
  named: Named,
  reason: string,
  complaints: readonly Complaint[],
): RecordOf<'document.reported'> => ({
  ...report(named, 'refused', reason),
  ...(complaints.length === 0 ? {} : { complaints: complaints.slice(0, MAX_TOLD_COMPLAINTS).map(told) }),
});

const report = (
  { kind, version, digest, source }: Named,
  status: DocumentStatus,
  detail: string | null,
): RecordOf<'document.reported'> => ({
  kind: 'document.reported',
  documentKind: kind,
  version,
  digest,
  source,
  status,
  detail: detail?.slice(0, 1000) ?? null,
});

const told = ({ path, reason, line, column }: Complaint) => ({
  path: path.slice(0, 300),
  reason: reason.slice(0, 500),
  ...(line === undefined ? {} : { line }),
  ...(column === undefined ? {} : { column }),
});
