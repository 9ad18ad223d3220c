import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';
import type { Trx } from '../db/transaction.ts';

/** What comes of a fault is told for so long after its end: a site that was cut off tells all of it when it is back. */
const AFTERMATH_MS = 600_000;

/** Which of these alarms come from stations of the sandbox where a partner has just made a fault, or from anything else there meanwhile. */
export async function madeOnPurpose(db: Db | Trx, alarmIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (alarmIds.length === 0) return new Set();
  const rows = await db
    .selectFrom('alarms')
    .innerJoin('sandbox_faults as fault', 'fault.site_id', 'alarms.site_id')
    .innerJoin('sites', 'sites.site_id', 'alarms.site_id')
    .select('alarm_id')
    .distinct()
    .where('alarm_id', 'in', alarmIds)
    .where('sites.environment', '=', 'sandbox')
    .whereRef('fault.started_at_ms', '<=', 'received_at_ms')
    .where(sql<boolean>`coalesce(fault.ended_at_ms, fault.ends_at_ms) + ${AFTERMATH_MS} >= received_at_ms`)
    .execute();
  return new Set(rows.map((row) => row.alarm_id));
}
