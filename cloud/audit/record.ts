import { sql } from 'kysely';
import { canonicalJson } from '../canonical-json.ts';
import type { Trx } from '../db/transaction.ts';
import { storable } from '../ingest/storable.ts';
import { digestOfRow, NO_ROW_BEFORE } from './chain.ts';

/** Any fixed number: whoever appends waits for the one before, in whatever process. */
const AUDIT_LOCK = 7_145_302;
const MOST_CHARACTERS = 200;

/** Something that was done, and by whom. Secrets have no place in it: it is kept for good. */
export interface AuditEntry {
  readonly atMs: number;
  readonly actor: {
    readonly kind: 'staff' | 'partner' | 'system';
    readonly id: string;
    /** Where the request came from; null: from this machine. */
    readonly address: string | null;
  };
  readonly action: string;
  readonly subject: { readonly kind: string; readonly id: string };
  readonly detail: object;
  /** Leads to the request in the log; null: there was none. */
  readonly correlationId: string | null;
}

/**
 * Appends to the audit log, in the transaction of what was done: both are stored, or neither. Others who append wait until that
 * transaction has ended, so this is the last thing it does.
 */
export async function recordAudit(trx: Trx, entry: AuditEntry): Promise<void> {
  await sql`select pg_advisory_xact_lock(${AUDIT_LOCK})`.execute(trx);
  const last = await trx
    .selectFrom('audit_log')
    .select(['position', 'sha256'])
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  const row = {
    position: (last?.position ?? 0) + 1,
    at_ms: entry.atMs,
    actor_kind: entry.actor.kind,
    actor_id: storable(entry.actor.id, MOST_CHARACTERS),
    actor_address: orNull(entry.actor.address),
    action: storable(entry.action, MOST_CHARACTERS),
    subject_kind: storable(entry.subject.kind, MOST_CHARACTERS),
    subject_id: storable(entry.subject.id, MOST_CHARACTERS),
    detail: canonicalJson(entry.detail),
    correlation_id: orNull(entry.correlationId),
    previous_sha256: last?.sha256 ?? NO_ROW_BEFORE,
  };
  await trx
    .insertInto('audit_log')
    .values({ ...row, sha256: digestOfRow(row) })
    .execute();
}

const orNull = (text: string | null): string | null => (text === null ? null : storable(text, MOST_CHARACTERS));
