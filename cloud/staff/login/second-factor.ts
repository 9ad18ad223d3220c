import { sha256Hex } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import type { Trx } from '../../db/transaction.ts';
import type { RandomBytes } from '../../random.ts';
import type { StaffAccountRow } from '../tables.ts';
import { stepOfCode } from './totp.ts';

const RECOVERY_CODES = 10;
const RECOVERY_BYTES = 10;

export const totpContext = (staffId: string): string => `staff-totp:${staffId}`;

type FactorContext = Pick<CloudContext, 'clock' | 'secrets'>;

/** Takes a code of an account's second factor. It is used up then, in all processes: two who send it at once do not both come in. */
export async function takeCode(
  trx: Trx,
  { clock, secrets }: FactorContext,
  account: StaffAccountRow,
  code: string,
): Promise<boolean> {
  if (account.totp_sealed === null) return false;
  const secret = Buffer.from(secrets.open(account.totp_sealed, totpContext(account.staff_id)), 'base64');
  const step = stepOfCode(secret, code, clock.wallMs(), account.totp_last_step);
  if (step === null) return false;
  const used = await trx
    .updateTable('staff_accounts')
    .set({ totp_last_step: step })
    .where('staff_id', '=', account.staff_id)
    .where('totp_last_step', '<', step)
    .executeTakeFirst();
  return used.numUpdatedRows === 1n;
}

/** Takes a recovery code, once. */
export async function takeRecoveryCode(
  trx: Trx,
  { clock }: Pick<FactorContext, 'clock'>,
  staffId: string,
  code: string,
): Promise<boolean> {
  const used = await trx
    .updateTable('staff_recovery_codes')
    .set({ used_at_ms: clock.wallMs() })
    .where('staff_id', '=', staffId)
    .where('code_sha256', '=', digestOfRecoveryCode(code))
    .where('used_at_ms', 'is', null)
    .executeTakeFirst();
  return used.numUpdatedRows === 1n;
}

/** New recovery codes in place of those that there were. @returns what nobody can read again */
export async function renewRecoveryCodes(trx: Trx, staffId: string, randomBytes: RandomBytes): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, () => readable(randomBytes(RECOVERY_BYTES).toString('hex')));
  await trx.deleteFrom('staff_recovery_codes').where('staff_id', '=', staffId).execute();
  await trx
    .insertInto('staff_recovery_codes')
    .values(codes.map((code) => ({ staff_id: staffId, code_sha256: digestOfRecoveryCode(code), used_at_ms: null })))
    .execute();
  return codes;
}

const readable = (hex: string): string => (hex.match(/.{5}/g) ?? []).join('-');

const digestOfRecoveryCode = (code: string): string => sha256Hex(code.toLowerCase().replaceAll(/[\s-]/g, ''));
