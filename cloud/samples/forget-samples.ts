import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';

/** Rows of one statement: others wait for no more than that. */
const ROWS_AT_ONCE = 5_000;

/**
 * Forgets samples that came before a time, and what was told in place of some. By when they came, not by when they were taken: no clock of
 * a site decides what is kept here.
 */
export async function forgetSamples(db: Db, receivedBeforeMs: number): Promise<void> {
  for (const table of ['sample_series', 'sample_losses'] as const) {
    for (;;) {
      const { numAffectedRows } = await sql`delete from ${sql.table(table)} where ctid in (
        select ctid from ${sql.table(table)} where received_at_ms < ${receivedBeforeMs}
        order by received_at_ms limit ${ROWS_AT_ONCE})`.execute(db);
      if ((numAffectedRows ?? 0n) < BigInt(ROWS_AT_ONCE)) break;
    }
  }
}
