import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { type Trx, transaction } from '../../db/transaction.ts';

const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 30_000;
/** Also whoever means to lock somebody out locks them out for no longer. */
const MOST_WAIT_MS = 900_000;
const FORGOTTEN_AFTER_MS = 86_400_000;
/** How far the clocks of processes may be apart before one counts as set back, which keeps nobody out. */
const CLOCKS_APART_MS = 60_000;

/** How long nothing more is tried after so many failures in a row. */
export function waitAfter(failures: number): number {
  if (failures < FREE_FAILURES) return 0;
  return Math.min(FIRST_WAIT_MS * 2 ** (failures - FREE_FAILURES), MOST_WAIT_MS);
}

function tooMany(waitMs: number): PilegateError {
  const retryAfterS = Math.ceil(waitMs / 1000);
  return new PilegateError('staff.too_many', `wait ${retryAfterS} s`, { retryAfterS });
}

/**
 * How often one account is tried. A bucket would not do: it gives a guesser the same rate for ever, while this one waits twice as long each
 * time, and a right login makes it forget. How often one address tries is a bucket (`withinFailures`).
 *
 * Counts an attempt before it is made, so that a hundred at once are not a hundred tries; `attemptSucceeded` takes it back. The count
 * is in the database: all processes know it.
 *
 * @throws PilegateError `staff.too_many`
 */
export async function beginAttempt({ db, clock }: Pick<CloudContext, 'db' | 'clock'>, key: string): Promise<void> {
  const nowMs = clock.wallMs();
  await transaction(db, async (trx) => {
    const { failures, last_at_ms: lastMs } = await trx
      .insertInto('staff_attempts')
      .values({ attempt_key: key, failures: 0, last_at_ms: nowMs })
      // As it was, and held: a right login may make it forgotten while it is waited for, and then it is made anew.
      .onConflict((conflict) => conflict.column('attempt_key').doUpdateSet({ attempt_key: key }))
      .returning(['failures', 'last_at_ms'])
      .executeTakeFirstOrThrow();
    const isSetBack = lastMs > nowMs + CLOCKS_APART_MS;
    const waitMs = isSetBack ? 0 : waitAfter(failures) - Math.max(0, nowMs - lastMs);
    if (waitMs > 0) throw tooMany(waitMs);
    await trx
      .updateTable('staff_attempts')
      .set({ failures: failures + 1, last_at_ms: nowMs })
      .where('attempt_key', '=', key)
      .execute();
  });
}

export async function attemptSucceeded(trx: Trx, key: string): Promise<void> {
  await trx.deleteFrom('staff_attempts').where('attempt_key', '=', key).execute();
}

/** Forgets failures after a day. */
export async function forgetAttempts(db: Db, nowMs: number): Promise<void> {
  await db
    .deleteFrom('staff_attempts')
    .where('last_at_ms', '<', nowMs - FORGOTTEN_AFTER_MS)
    .execute();
}
