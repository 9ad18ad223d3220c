import type { Db } from '../db/connect.ts';
import { type ChainHead, complaintOf, EMPTY_CHAIN } from './chain.ts';

const PAGE = 1000;

export interface AuditVerdict {
  /** The last row up to which everything is as it was written. */
  readonly head: ChainHead;
  /** The first place that is not; null: there is none. */
  readonly broken: { readonly position: number; readonly why: string } | null;
}

/**
 * Walks the audit log from its first row, page by page.
 *
 * @param known a head that was noted elsewhere: by itself a chain does not tell that its end was cut off
 */
export async function verifyAudit(db: Db, known: ChainHead | null = null, page = PAGE): Promise<AuditVerdict> {
  const before = await db.selectFrom('audit_log').select('position').where('position', '<', 1).executeTakeFirst();
  if (before !== undefined)
    return { head: EMPTY_CHAIN, broken: { position: before.position, why: 'the log begins with row 1' } };
  let head = EMPTY_CHAIN;
  for (;;) {
    // From the last row on: beside it there may be another one of its number.
    const rows = await db
      .selectFrom('audit_log')
      .selectAll()
      .where('position', '>=', head.position)
      .orderBy('position')
      .limit(page + 1)
      .execute();
    for (const row of rows.slice(head === EMPTY_CHAIN ? 0 : 1)) {
      const why = complaintOf(head, row) ?? (isOther(known, row) ? 'it is not the row that was noted' : null);
      if (why !== null) return { head, broken: { position: Math.min(head.position + 1, row.position), why } };
      head = { position: row.position, sha256: row.sha256 };
    }
    if (rows.length <= page) break;
  }
  if (known === null || known.position <= head.position) return { head, broken: null };
  return { head, broken: { position: head.position + 1, why: `rows up to ${known.position} were noted` } };
}

const isOther = (known: ChainHead | null, row: ChainHead): boolean =>
  known !== null && row.position === known.position && row.sha256 !== known.sha256;
