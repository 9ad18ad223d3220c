import type { Selectable } from 'kysely';

/** Columns as the migration defines them. */
export interface AuditLogTable {
  position: number;
  at_ms: number;
  actor_kind: 'staff' | 'partner' | 'system';
  actor_id: string;
  actor_address: string | null;
  action: string;
  subject_kind: string;
  subject_id: string;
  /** JSON. */
  detail: string;
  correlation_id: string | null;
  previous_sha256: string;
  sha256: string;
}
export type AuditRow = Selectable<AuditLogTable>;
