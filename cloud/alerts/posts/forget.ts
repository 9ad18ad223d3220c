import { sql } from 'kysely';
import type { Db } from '../../db/connect.ts';

/** Rows of one statement: others wait for no more than that. */
const ROWS_AT_ONCE = 5_000;

/**
 * Forgets messages, and who was told by them, from before a time. The alerts stay. What an alert that is still open has told stays with it, however
 * old it is, and so does what is not sent yet.
 */
export async function forgetPosts(db: Db, beforeMs: number): Promise<void> {
  const statements = [
    sql`delete from alert_tellings where telling_id in (
      select telling.telling_id from alert_tellings telling
        join alerts on alerts.alert_id = telling.alert_id
        left join alert_posts post on post.post_id = telling.post_id
      where telling.created_at_ms < ${beforeMs} and alerts.closed_at_ms is not null
        and coalesce(post.status, 'cancelled') <> 'pending' limit ${ROWS_AT_ONCE})`,
    sql`delete from alert_posts where post_id in (
      select post.post_id from alert_posts post
      where post.created_at_ms < ${beforeMs} and post.status <> 'pending'
        and not exists (select 1 from alert_tellings telling where telling.post_id = post.post_id)
      limit ${ROWS_AT_ONCE})`,
  ];
  for (const statement of statements) {
    for (;;) {
      const { numAffectedRows } = await statement.execute(db);
      if ((numAffectedRows ?? 0n) < BigInt(ROWS_AT_ONCE)) break;
    }
  }
}
