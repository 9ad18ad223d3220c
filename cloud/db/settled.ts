import { sql } from 'kysely';
import type { Db } from './connect.ts';

/** Covers the difference between the clocks of the API processes, which are kept within a second of each other. */
const CLOCK_MARGIN_MS = 1_000;

/**
 * Up to which change time a list is complete. A row takes its change time before its transaction
 * commits, so it can appear behind a cursor that has passed. Every transaction under way has begun no later
 * than any change time it writes: nothing older than the oldest of them is still to come. Where a list
 * ends there, a row is in it about a second after its change; by its id it is seen at once. What takes hours and changes no row holds
 * nobody up: the server's own work, a backup, and people, who have roles of their own. All processes of the cloud have one.
 */
export async function settledBeforeMs(db: Db, nowMs: number): Promise<number> {
  const { rows } = await sql<{ age_ms: number | null }>`
    select (max(extract(epoch from clock_timestamp() - xact_start)) * 1000)::double precision as age_ms
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
      and backend_type = 'client backend' and usename = session_user and application_name <> 'pg_dump'`.execute(db);
  return nowMs - CLOCK_MARGIN_MS - Math.ceil(rows[0]?.age_ms ?? 0);
}
