import { sql } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import { raisePlatformAlarm } from '../../alarms/raise-alarm.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { takeFromBucket } from '../../limits/rate-buckets.ts';
import type { RatePolicy } from '../../limits/rate-policy.ts';

const MIB = 1024 * 1024;
/** Of one caller, in MiB: ten of the largest files and a few more at once, and ten MiB an hour from then on. */
export const UPLOAD_POLICY: RatePolicy = { perMinute: 1 / 6, burst: 60 };
/** What strangers may have stored here together, as long as nobody has decided on it. */
export const MOST_HELD_MIB = 4096;
/** From here on staff are told, and drafts are kept only briefly. */
const NEARLY_FULL_MIB = 0.75 * MOST_HELD_MIB;
const FULL_RETRY_S = 3_600;
const ONE_A_DAY: RatePolicy = { perMinute: 1 / 1440, burst: 1 };

/** In whole MiB: a file of some bytes is a row, too. */
const sizeMib = (bytes: number): number => Math.max(1, Math.ceil(bytes / MIB));

/** Of a row of `partner_applications`: staff have never decided on it. */
export const undecided = sql<boolean>`not exists (select from application_reviews
  where application_reviews.application_id = partner_applications.application_id)`;

/** What the files of all applications take up on which staff have never decided. */
async function heldMib(db: Db): Promise<number> {
  const { held_mib: mib } = await db
    .selectFrom('application_files')
    .innerJoin('partner_applications', 'partner_applications.application_id', 'application_files.application_id')
    .select(sql<number>`coalesce(sum((bytes + ${MIB - 1}) / ${MIB}), 0)::integer`.as('held_mib'))
    .where('state', 'in', ['draft', 'submitted', 'withdrawn'])
    .where(sql<boolean>`octet_length(content) > 0`)
    .where(undecided)
    .executeTakeFirstOrThrow();
  return mib;
}

export const isNearlyFull = async (db: Db): Promise<boolean> => (await heldMib(db)) >= NEARLY_FULL_MIB;

/**
 * Takes room for a file from what its sender may store, and looks whether there is any. Several that come at once may exceed the whole by
 * as many files as there are ways to the database: not worth a lock that they would all wait for.
 *
 * @param from who sends it, as limits by address name callers
 * @throws PilegateError `request.too_many`, `application.no_room`
 */
export async function takeRoom(
  { db, clock }: Pick<CloudContext, 'db' | 'clock'>,
  from: string,
  bytes: number,
): Promise<void> {
  const size = sizeMib(bytes);
  if ((await heldMib(db)) + size > MOST_HELD_MIB)
    throw new PilegateError('application.no_room', 'too much waits for a decision', { retryAfterS: FULL_RETRY_S });
  const { isAllowed, waitS } = await takeFromBucket(
    db,
    `caller:${from}`,
    'upload',
    UPLOAD_POLICY,
    clock.wallMs(),
    size,
  );
  if (isAllowed) return;
  throw new PilegateError('request.too_many', `wait ${waitS} s before a file of ${size} MiB`, { retryAfterS: waitS });
}

/** Tells staff, once a day, that strangers have stored nearly as much as they may. */
export async function tellOfLittleRoom(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>,
): Promise<void> {
  const mib = await heldMib(context.db);
  if (mib < NEARLY_FULL_MIB) return;
  const nowMs = context.clock.wallMs();
  const told = await takeFromBucket(context.db, 'platform', 'applications-room-told', ONE_A_DAY, nowMs);
  if (!told.isAllowed) return;
  await raisePlatformAlarm(context, context.db, {
    code: 'application.little_room',
    severity: 'warning',
    detail: `files of applications that nobody has decided on take up ${mib} of ${MOST_HELD_MIB} MiB`,
    nowMs,
  });
}
