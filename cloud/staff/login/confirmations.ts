import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { transaction } from '../../db/transaction.ts';
import type { StaffAction } from '../actions.ts';
import { attemptSucceeded, beginAttempt } from './attempts.ts';
import { takeCode } from './second-factor.ts';

const TOKEN_BYTES = 32;
const CHALLENGE_MS = 300_000;
const TOKEN_MS = 120_000;

/** One request of one session, down to its bytes. */
export interface DangerousRequest {
  readonly sessionId: string;
  readonly action: StaffAction;
  readonly requestSha256: string;
}

/** Keeps what is to be confirmed. @returns the challenge */
export async function askToConfirm(
  { db, clock, random }: Pick<CloudContext, 'db' | 'clock' | 'random'>,
  { sessionId, action, requestSha256 }: DangerousRequest,
): Promise<string> {
  const challengeId = random.uuid();
  await db
    .insertInto('staff_confirmations')
    .values({
      challenge_id: challengeId,
      session_id: sessionId,
      action,
      request_sha256: requestSha256,
      created_at_ms: clock.wallMs(),
    })
    .execute();
  return challengeId;
}

/**
 * Gives a token for a challenge against a fresh code of the second factor: one that was not used for anything before.
 *
 * @param recorded the database whose transaction ends with the audit row
 * @throws PilegateError `confirmation.unknown`, `staff.login_refused`, `staff.too_many`
 */
export async function confirm(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets'>,
  recorded: Db,
  caller: { readonly staffId: string; readonly sessionId: string },
  wish: { readonly challengeId: string; readonly code: string },
): Promise<{ token: string; action: string; expiresAtMs: number }> {
  const attemptKey = `confirm:${caller.staffId}`;
  await beginAttempt(context, attemptKey);
  return transaction(recorded, async (trx) => {
    const nowMs = context.clock.wallMs();
    const challenge = await trx
      .selectFrom('staff_confirmations')
      .select(['action', 'token_sha256'])
      .where('challenge_id', '=', wish.challengeId)
      .where('session_id', '=', caller.sessionId)
      .where('created_at_ms', '>', nowMs - CHALLENGE_MS)
      .forUpdate()
      .executeTakeFirst();
    if (challenge === undefined || challenge.token_sha256 !== null)
      throw new PilegateError('confirmation.unknown', 'no such challenge waits in this session');
    const account = await trx
      .selectFrom('staff_accounts')
      .selectAll()
      .where('staff_id', '=', caller.staffId)
      .executeTakeFirstOrThrow();
    if (!(await takeCode(trx, context, account, wish.code)))
      throw new PilegateError('staff.login_refused', 'the code is wrong, or was used before');
    const token = context.random.bytes(TOKEN_BYTES).toString('base64url');
    const expiresAtMs = nowMs + TOKEN_MS;
    await trx
      .updateTable('staff_confirmations')
      .set({ token_sha256: sha256Hex(token), expires_at_ms: expiresAtMs })
      .where('challenge_id', '=', wish.challengeId)
      .execute();
    await attemptSucceeded(trx, attemptKey);
    return { token, action: challenge.action, expiresAtMs };
  });
}

/** Uses a token up for the request that it was given for. @returns the challenge that it was given for; null: it is for another request, or over */
export async function useConfirmation(
  { db, clock }: Pick<CloudContext, 'db' | 'clock'>,
  { sessionId, action, requestSha256 }: DangerousRequest,
  token: string,
): Promise<string | null> {
  const nowMs = clock.wallMs();
  const used = await db
    .updateTable('staff_confirmations')
    .set({ used_at_ms: nowMs })
    .where('token_sha256', '=', sha256Hex(token))
    .where('session_id', '=', sessionId)
    .where('action', '=', action)
    .where('request_sha256', '=', requestSha256)
    .where('used_at_ms', 'is', null)
    .where('expires_at_ms', '>', nowMs)
    .returning('challenge_id')
    .executeTakeFirst();
  return used?.challenge_id ?? null;
}
