import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';
import { capacityUs, costUs, type RatePolicy, type RateVerdict, verdictOf } from './rate-policy.ts';

/**
 * What a crash may forget without harm is not waited for until it is on disk: a bucket is then a little fuller than it
 * should be. It also keeps the lock of the row, for which the next call of the key waits, off the disk.
 */
const unsynced = sql`unsynced as (select set_config('synchronous_commit', 'off', true))`;
/** What else a transaction writes is not to be forgotten because of it. */
const syncedAsBefore = sql`unsynced as (select)`;

/** How far the clocks of processes may be apart before a bucket that one of them has emptied is taken for a mistake by another. */
const CLOCKS_APART_US = 60_000_000;

interface Take {
  readonly subject: string;
  readonly bucketClass: string;
  readonly policy: RatePolicy;
  /** How many at once. */
  readonly count: number;
}

/** Puts calls into a bucket, and changes nothing when they do not fit. `source` is a CTE without rows when there is nothing to take. */
const take = ({ subject, bucketClass, policy, count }: Take, nowMs: number, source: string) => {
  const nowUs = nowMs * 1000;
  const cost = costUs(policy) * count;
  const capacity = capacityUs(policy);
  const stored = sql.ref('rate_buckets.full_at_us');
  // Emptier than a bucket can be: the clock was set back, or the limits were lowered. It is taken for full.
  const fullAt = sql`case when ${stored} > ${nowUs + capacity + CLOCKS_APART_US}::bigint then ${nowUs}::bigint else greatest(${stored}, ${nowUs}::bigint) end`;
  const after = sql`${fullAt} + ${cost}::bigint`;
  return sql`taken as (
    insert into rate_buckets (subject, class, full_at_us)
      select ${subject}::text, ${bucketClass}::text, ${nowUs + cost}::bigint from ${sql.table(source)}
    on conflict (subject, class) do update set full_at_us = ${after} where ${after} <= ${nowUs + capacity}::bigint
    returning full_at_us)`;
};

async function verdict(
  db: Db,
  { subject, bucketClass, policy, count }: Take,
  nowMs: number,
  taken: number | null,
): Promise<RateVerdict> {
  if (taken !== null) return verdictOf(policy, true, taken, nowMs, count);
  const row = await db
    .selectFrom('rate_buckets')
    .select('full_at_us')
    .where('subject', '=', subject)
    .where('class', '=', bucketClass)
    .executeTakeFirst();
  return verdictOf(policy, false, row?.full_at_us ?? 0, nowMs, count);
}

/** @returns when the bucket is full again; null: nothing was taken */
async function takeNow(db: Db, wanted: Take, nowMs: number): Promise<number | null> {
  const { rows } = await sql<{ full_at_us: number | null }>`
    with ${db.isTransaction ? syncedAsBefore : unsynced}, ${take(wanted, nowMs, 'unsynced')}
    select (select full_at_us from taken) as full_at_us`.execute(db);
  return rows[0]?.full_at_us ?? null;
}

/** Takes one, or `count` or none, from a bucket that all processes share. @param count at most what fits into the bucket */
export async function takeFromBucket(
  db: Db,
  subject: string,
  bucketClass: string,
  policy: RatePolicy,
  nowMs: number,
  count = 1,
): Promise<RateVerdict> {
  const wanted = { subject, bucketClass, policy, count };
  return verdict(db, wanted, nowMs, await takeNow(db, wanted, nowMs));
}

/** Takes one as `takeFromBucket` does, so that it can be put back. `giveBack` is null when none was left. */
export async function borrowFromBucket(
  db: Db,
  subject: string,
  bucketClass: string,
  policy: RatePolicy,
  nowMs: number,
): Promise<{ readonly verdict: RateVerdict; readonly giveBack: ((atMs: number) => Promise<void>) | null }> {
  const wanted = { subject, bucketClass, policy, count: 1 };
  const taken = await takeNow(db, wanted, nowMs);
  const told = await verdict(db, wanted, nowMs, taken);
  if (taken === null) return { verdict: told, giveBack: null };
  const giveBack = async (atMs: number): Promise<void> => {
    // The rest has leaked away by itself: put back as well, it would make room for somebody else.
    const leftUs = Math.min(costUs(policy), taken - atMs * 1000);
    if (leftUs <= 0) return;
    await sql`
      with ${unsynced}
      update rate_buckets set full_at_us = full_at_us - ${leftUs}::bigint from unsynced
        where subject = ${subject} and class = ${bucketClass}`.execute(db);
  };
  return { verdict: told, giveBack };
}

export interface SignedCall {
  readonly keyId: string;
  /** Whose bucket it takes from. */
  readonly familyId: string;
  readonly nonce: string;
  readonly nonceExpiresAtMs: number;
}

/**
 * Remembers the nonce of a signed call and takes it from the bucket of the key's family, in one statement. A nonce that was used before
 * takes nothing: whoever repeats what he has overheard uses up nobody's rate.
 *
 * @returns null when the nonce was used before
 */
export async function admitCall(
  db: Db,
  call: SignedCall,
  bucketClass: string,
  policy: RatePolicy,
  nowMs: number,
): Promise<RateVerdict | null> {
  const wanted = { subject: `key:${call.familyId}`, bucketClass, policy, count: 1 };
  const { rows } = await sql<{ is_fresh: boolean; full_at_us: number | null }>`
    with ${unsynced},
    fresh as (
      insert into nonces (key_id, nonce, expires_at_ms)
        select ${call.keyId}::text, ${call.nonce}::text, ${call.nonceExpiresAtMs}::bigint from unsynced
      on conflict do nothing returning 1),
    ${take(wanted, nowMs, 'fresh')}
    select exists (select 1 from fresh) as is_fresh, (select full_at_us from taken) as full_at_us`.execute(db);
  const [row] = rows;
  if (row === undefined || !row.is_fresh) return null;
  return verdict(db, wanted, nowMs, row.full_at_us);
}

/** Forgets buckets that have been full for a while: one without a row is full. */
export async function sweepBuckets(db: Db, nowMs: number): Promise<void> {
  await db
    .deleteFrom('rate_buckets')
    .where('full_at_us', '<', (nowMs - 60_000) * 1000)
    .execute();
}
