import { digestOf } from '../canonical-json.ts';
import type { AuditRow } from './tables.ts';

/** What the first row names as the digest of the one before it. */
export const NO_ROW_BEFORE = '0'.repeat(64);

/** The digest of a row: SHA-256 over the canonical JSON of everything in it, its position and the digest before it included. */
export const digestOfRow = ({
  position,
  at_ms,
  actor_kind,
  actor_id,
  actor_address,
  action,
  subject_kind,
  subject_id,
  detail,
  correlation_id,
  previous_sha256,
}: Omit<AuditRow, 'sha256'>): string =>
  digestOf({
    position,
    at_ms,
    actor_kind,
    actor_id,
    actor_address,
    action,
    subject_kind,
    subject_id,
    detail,
    correlation_id,
    previous_sha256,
  });

/** Where a chain stands: the last row that is right. */
export interface ChainHead {
  readonly position: number;
  readonly sha256: string;
}

export const EMPTY_CHAIN: ChainHead = { position: 0, sha256: NO_ROW_BEFORE };

/** Why a row is not the one that was written after `head`; null: it is. */
export function complaintOf(head: ChainHead, row: AuditRow): string | null {
  if (row.position === head.position) return `there are two rows ${row.position}`;
  if (row.position !== head.position + 1) return `row ${head.position + 1} is missing`;
  if (row.previous_sha256 !== head.sha256) return 'it names another row before it than there is';
  if (digestOfRow(row) !== row.sha256) return 'its content does not fit its digest';
  return null;
}
