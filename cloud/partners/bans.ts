import { PilegateError } from '#shared/errors.ts';
import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { takeFromBucket } from '../limits/rate-buckets.ts';
import type { RatePolicy } from '../limits/rate-policy.ts';

/** So many failures of one caller at once, and as many in five minutes. */
export const FAILURE_POLICY: RatePolicy = { perMinute: 4, burst: 20 };
export const BAN_MS = 900_000;
/**
 * So many bans at once, and ten more an hour, each have an alert of their own; the others share one. Whoever has many addresses must not be able
 * to fill people's mail.
 */
export const TOLD_POLICY: RatePolicy = { perMinute: 1 / 6, burst: 10 };

type BanContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>;

/** Until when nothing of a caller is looked at; null: it is. */
export async function bannedUntil(db: BanContext['db'], caller: string, nowMs: number): Promise<number | null> {
  const row = await db
    .selectFrom('auth_bans')
    .select('until_ms')
    .where('caller', '=', caller)
    .where('until_ms', '>', nowMs)
    .executeTakeFirst();
  return row?.until_ms ?? null;
}

/** What a banned caller is answered. */
export function refusalOf(untilMs: number, nowMs: number): PilegateError {
  const waitS = Math.max(1, Math.ceil((untilMs - nowMs) / 1000));
  return new PilegateError('auth.banned', `wait ${waitS} s`, { retryAfterS: waitS });
}

/**
 * Counts an authentication that failed, in all processes together, by where it came from: who knows the id of a key must
 * not be able to shut its partner out. One failure too many bans the caller for a while, and staff are told, of each caller by itself.
 */
export async function noteFailure(context: BanContext, caller: string, what: string): Promise<void> {
  const nowMs = context.clock.wallMs();
  const counted = await takeFromBucket(context.db, `caller:${caller}`, 'failures', FAILURE_POLICY, nowMs);
  if (counted.isAllowed) return;
  await transaction(context.db, async (trx) => {
    const ban = { until_ms: nowMs + BAN_MS, reason: what, created_at_ms: nowMs };
    const begun = await trx
      .insertInto('auth_bans')
      .values({ caller, ...ban })
      .onConflict((conflict) => conflict.column('caller').doUpdateSet(ban).where('auth_bans.until_ms', '<=', nowMs))
      .executeTakeFirst();
    if (begun.numInsertedOrUpdatedRows !== 1n) return;
    const own = await takeFromBucket(trx, 'platform', 'bans-told', TOLD_POLICY, nowMs);
    const detail = `${caller} is banned for ${BAN_MS / 60_000} min after failures to authenticate; the last: ${what}`;
    await raisePlatformAlarm(context, trx, {
      code: 'auth.banned',
      severity: 'warning',
      ...(own.isAllowed ? { about: `address/${caller}` } : {}),
      detail,
      nowMs,
    });
  });
}

/** Forgets bans that are long over. */
export async function sweepBans(db: BanContext['db'], nowMs: number): Promise<void> {
  await db
    .deleteFrom('auth_bans')
    .where('until_ms', '<', nowMs - BAN_MS)
    .execute();
}
