import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { transaction } from '../../db/transaction.ts';
import { attemptSucceeded, beginAttempt } from './attempts.ts';
import { hashPassword, isPassword, passwordComplaint } from './password.ts';
import { takeCode } from './second-factor.ts';
import { endSessions } from './sessions.ts';

export interface PasswordChange {
  readonly password: string;
  /** Of the second factor; used for nothing before. */
  readonly code: string;
  readonly newPassword: string;
}

/**
 * Gives somebody another password: a session alone is not enough for it, or whoever finds one open would have the account. Every other
 * session of theirs ends.
 *
 * @param recorded the database whose transaction ends with the audit row
 * @returns how many other sessions have ended
 * @throws PilegateError `request.invalid` for a weak password, `staff.login_refused`, `staff.too_many`
 */
export async function changePassword(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets' | 'settings'>,
  recorded: Db,
  { staffId, sessionId }: { readonly staffId: string; readonly sessionId: string },
  { password, code, newPassword }: PasswordChange,
): Promise<number> {
  const reason = newPassword === password ? 'the same as before' : passwordComplaint(newPassword, staffId);
  if (reason !== null)
    throw new PilegateError('request.invalid', 'the password cannot be taken', {
      complaints: [{ path: 'new_password', reason }],
    });
  const attemptKey = `password:${staffId}`;
  await beginAttempt(context, attemptKey);
  const account = await context.db
    .selectFrom('staff_accounts')
    .selectAll()
    .where('staff_id', '=', staffId)
    .executeTakeFirstOrThrow();
  const isRight = account.password_hash !== null && (await isPassword(password, account.password_hash));
  const passwordHash = await hashPassword(newPassword, context.settings.staff.passwordCost, context.random.bytes);
  return transaction(recorded, async (trx) => {
    if (!isRight || !(await takeCode(trx, context, account, code)))
      throw new PilegateError('staff.login_refused', 'password and second factor do not belong together');
    const changed = await trx
      .updateTable('staff_accounts')
      .set({ password_hash: passwordHash })
      .where('staff_id', '=', staffId)
      // Somebody else may have changed it, or taken it away, since it was compared.
      .where('password_hash', '=', account.password_hash)
      .where('state', '=', 'active')
      .executeTakeFirst();
    if (changed.numUpdatedRows !== 1n) throw new PilegateError('staff.login_refused', 'the account has just changed');
    await attemptSucceeded(trx, attemptKey);
    return endSessions(trx, staffId, { butNot: sessionId }, context.clock.wallMs());
  });
}
