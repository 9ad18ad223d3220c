import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { hashPassword, passwordComplaint } from '../login/password.ts';
import { recordOwn, type Whence } from '../login/record-own.ts';
import { renewRecoveryCodes, takeCode, totpContext } from '../login/second-factor.ts';
import { base32, otpauthUri, TOTP_SECRET_BYTES } from '../login/totp.ts';
import type { StaffAccountRow } from '../tables.ts';

export interface Invited {
  readonly staffId: string;
  readonly invitation: string;
}

type EnrolContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets' | 'settings'>;

/**
 * Takes the password of somebody who is invited, and makes their second factor. Nothing of it counts before `finishEnrolment`: until then it
 * can be done again.
 *
 * @returns the secret as authenticator apps take it; nobody can read it again
 * @throws PilegateError `staff.invitation_refused`, or `request.invalid` for a weak password
 */
export async function beginEnrolment(
  context: EnrolContext,
  invited: Invited,
  password: string,
  whence: Whence,
): Promise<{ totpSecret: string; uri: string }> {
  const { staffId } = invited;
  await findInvited(context.db, context, invited);
  const reason = passwordComplaint(password, staffId);
  if (reason !== null)
    throw new PilegateError('request.invalid', 'the password cannot be taken', {
      complaints: [{ path: 'password', reason }],
    });
  const passwordHash = await hashPassword(password, context.settings.staff.passwordCost, context.random.bytes);
  const secret = context.random.bytes(TOTP_SECRET_BYTES);
  await transaction(context.db, async (trx) => {
    await findInvited(trx, context, invited, 'held');
    await trx
      .updateTable('staff_accounts')
      .set({
        password_hash: passwordHash,
        totp_sealed: context.secrets.seal(secret.toString('base64'), totpContext(staffId)),
        totp_last_step: 0,
      })
      .where('staff_id', '=', staffId)
      .execute();
    await recordOwn(trx, context, { staffId, ...whence }, 'staff.set_up');
  });
  return { totpSecret: base32(secret), uri: otpauthUri(secret, staffId) };
}

/**
 * Makes the account usable, once a code has shown that the second factor is in its person's hands.
 *
 * @returns recovery codes, which nobody can read again
 * @throws PilegateError `staff.invitation_refused`
 */
export function finishEnrolment(
  context: EnrolContext,
  invited: Invited,
  code: string,
  whence: Whence,
): Promise<string[]> {
  const { staffId } = invited;
  return transaction(context.db, async (trx) => {
    const account = await findInvited(trx, context, invited, 'held');
    if (!(await takeCode(trx, context, account, code)))
      throw new PilegateError('staff.invitation_refused', 'the code is not one of the secret that was given');
    await trx
      .updateTable('staff_accounts')
      .set({ state: 'active', invitation_sha256: null, invitation_expires_at_ms: null })
      .where('staff_id', '=', staffId)
      .execute();
    const codes = await renewRecoveryCodes(trx, staffId, context.random.bytes);
    await recordOwn(trx, context, { staffId, ...whence }, 'staff.enrol');
    return codes;
  });
}

async function findInvited(
  db: Pick<Trx, 'selectFrom'>,
  { clock }: Pick<EnrolContext, 'clock'>,
  { staffId, invitation }: Invited,
  /** Held until the transaction ends, so that nobody disables it meanwhile. */
  how: 'held' | 'looked-at' = 'looked-at',
): Promise<StaffAccountRow> {
  const account = await db
    .selectFrom('staff_accounts')
    .selectAll()
    .where('staff_id', '=', staffId)
    .where('state', '=', 'invited')
    .where('invitation_sha256', '=', sha256Hex(invitation))
    .where('invitation_expires_at_ms', '>', clock.wallMs())
    .$if(how === 'held', (query) => query.forUpdate())
    .executeTakeFirst();
  if (account === undefined)
    throw new PilegateError('staff.invitation_refused', 'no such invitation is open for this account');
  return account;
}
