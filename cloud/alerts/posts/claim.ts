import { sql } from 'kysely';
import type { Db } from '../../db/connect.ts';
import type { AlertPostRow } from '../tables.ts';

/** Longer than an attempt can take; a worker that dies gives its work back after this. */
export const LEASE_MS = 60_000;

export type ClaimedPost = AlertPostRow & { readonly leased_until_ms: number };

/** Channels that have something due and are not among `full`. A disabled one is sent tests alone: by them it is seen whether it works again. */
export async function channelsWithDue(db: Db, full: readonly string[], nowMs: number): Promise<string[]> {
  const rows = await db
    .selectFrom('alert_posts as post')
    .select('post.channel_id')
    .distinct()
    .where('post.status', '=', 'pending')
    .where('post.next_attempt_at_ms', '<=', nowMs)
    .$if(full.length > 0, (query) => query.where('post.channel_id', 'not in', [...full]))
    .execute();
  return rows.map((row) => row.channel_id);
}

/** Leases due posts of one channel. Rows that another worker is just taking are passed over. */
export async function claimPosts(db: Db, channelId: string, limit: number, nowMs: number): Promise<ClaimedPost[]> {
  const claimed = await sql<ClaimedPost>`
    update alert_posts set leased_until_ms = ${nowMs + LEASE_MS}::bigint
    where post_id in (
      select post_id from alert_posts
      where channel_id = ${channelId}
        and status = 'pending'
        and next_attempt_at_ms <= ${nowMs}
        and (leased_until_ms is null or leased_until_ms <= ${nowMs})
      order by next_attempt_at_ms, created_at_ms
      limit ${limit}
      for update skip locked)
    returning *`.execute(db);
  return claimed.rows;
}
