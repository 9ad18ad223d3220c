import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import type { StaffCaller } from '../caller.ts';
import type { StaffAccountRow } from '../tables.ts';
import { attemptSucceeded, beginAttempt } from './attempts.ts';
import { hashPassword, isPassword } from './password.ts';
import { type OnTheWayIn, recordOwn } from './record-own.ts';
import { takeCode, takeRecoveryCode } from './second-factor.ts';

const TOKEN_BYTES = 32;
/** Tells a session's token from others wherever it turns up. */
export const TOKEN_PREFIX = 'pgs_';
/** So exact is the time since which nothing came, or a tenth of what it may be: every request would write otherwise. */
const SEEN_EVERY_MS = 60_000;
const KEPT_MS = 30 * 86_400_000;

export interface Login extends OnTheWayIn {
  readonly password: string;
  readonly secondFactor: { readonly kind: 'code' | 'recovery-code'; readonly text: string };
}

export interface NewSession {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly caller: StaffCaller;
}

type LoginContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets' | 'settings' | 'logger'>;

/**
 * Begins a session for whoever knows the password and has the second factor. Which of them was wrong, or whether there is such an account,
 * is not told, and takes the same time.
 *
 * @throws PilegateError `staff.login_refused`, `staff.too_many`
 */
export async function logIn(context: LoginContext, login: Login): Promise<NewSession> {
  const attemptKey = `login:${login.staffId}`;
  await beginAttempt(context, attemptKey);
  const account = await context.db
    .selectFrom('staff_accounts')
    .selectAll()
    .where('staff_id', '=', login.staffId)
    .executeTakeFirst();
  const isRight = await knowsPassword(context, account, login.password);
  const session = isRight && account?.state === 'active' ? await begin(context, account, login, attemptKey) : null;
  if (session !== null) return session;
  context.logger.warn({ staffId: login.staffId, address: login.address }, 'login of staff is refused');
  // Names that nobody has would fill the log at a stranger's will.
  if (account !== undefined)
    await transaction(context.db, (trx) => recordOwn(trx, context, login, 'session.refused', { state: account.state }));
  throw new PilegateError('staff.login_refused', 'account, password and second factor do not belong together');
}

async function knowsPassword(
  { settings, random }: Pick<LoginContext, 'settings' | 'random'>,
  account: StaffAccountRow | undefined,
  password: string,
): Promise<boolean> {
  if (account?.password_hash != null) return isPassword(password, account.password_hash);
  await hashPassword(password, settings.staff.passwordCost, random.bytes);
  return false;
}

/** @returns null when the second factor is wrong; nothing is stored then */
function begin(
  context: LoginContext,
  account: StaffAccountRow,
  login: Login,
  attemptKey: string,
): Promise<NewSession | null> {
  const { clock, random, settings } = context;
  const { staff_id: staffId, name, role } = account;
  return transaction(context.db, async (trx) => {
    const { kind, text } = login.secondFactor;
    const isGood =
      kind === 'code'
        ? await takeCode(trx, context, account, text)
        : await takeRecoveryCode(trx, context, staffId, text);
    // Asked again behind the lock: somebody may just have disabled it, or changed the password.
    if (!isGood || !(await isStillSo(trx, account))) return null;
    const nowMs = clock.wallMs();
    const [sessionId, token] = [random.uuid(), TOKEN_PREFIX + random.bytes(TOKEN_BYTES).toString('base64url')];
    const expiresAtMs = nowMs + settings.staff.sessionMs;
    await trx
      .insertInto('staff_sessions')
      .values({
        session_id: sessionId,
        staff_id: staffId,
        token_sha256: sha256Hex(token),
        address: login.address,
        created_at_ms: nowMs,
        seen_at_ms: nowMs,
        expires_at_ms: expiresAtMs,
        ended_at_ms: null,
      })
      .execute();
    await attemptSucceeded(trx, attemptKey);
    await recordOwn(trx, context, login, 'session.begin', { second_factor: kind });
    return { token, expiresAtMs, caller: { staffId, name, role, sessionId } };
  });
}

async function isStillSo(trx: Trx, account: StaffAccountRow): Promise<boolean> {
  const row = await trx
    .selectFrom('staff_accounts')
    .select(['state', 'password_hash'])
    .where('staff_id', '=', account.staff_id)
    .forUpdate()
    .executeTakeFirst();
  return row?.state === 'active' && row.password_hash === account.password_hash;
}

/**
 * Who a session belongs to, as the account is now: whatever ends it or changes its role holds at the next request, in every process.
 *
 * @throws PilegateError `staff.session_over`
 */
export async function findSession(
  { db, clock, settings }: Pick<CloudContext, 'db' | 'clock' | 'settings'>,
  token: string,
): Promise<StaffCaller> {
  const nowMs = clock.wallMs();
  const row = await db
    .selectFrom('staff_sessions as session')
    .innerJoin('staff_accounts as account', 'account.staff_id', 'session.staff_id')
    .select(['session.session_id', 'session.seen_at_ms', 'account.staff_id', 'account.name', 'account.role'])
    .where('session.token_sha256', '=', sha256Hex(token))
    .where('session.ended_at_ms', 'is', null)
    .where('session.expires_at_ms', '>', nowMs)
    .where('session.seen_at_ms', '>', nowMs - settings.staff.idleMs)
    .where('account.state', '=', 'active')
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('staff.session_over', 'no such session goes on');
  const { session_id: sessionId, staff_id: staffId, name, role } = row;
  if (nowMs - row.seen_at_ms >= Math.min(SEEN_EVERY_MS, settings.staff.idleMs / 10))
    await db
      .updateTable('staff_sessions')
      .set({ seen_at_ms: nowMs })
      .where('session_id', '=', sessionId)
      .where('seen_at_ms', '<', nowMs)
      .execute();
  return { staffId, name, role, sessionId };
}

/** Which sessions of an account: one of them, all but one, or all. */
export type WhichSessions = { readonly only: string } | { readonly butNot: string } | 'all';

/** Ends sessions at once, in every process. @returns how many there were */
export async function endSessions(trx: Trx, staffId: string, which: WhichSessions, nowMs: number): Promise<number> {
  const all = trx
    .updateTable('staff_sessions')
    .set({ ended_at_ms: nowMs })
    .where('staff_id', '=', staffId)
    .where('ended_at_ms', 'is', null);
  const query =
    which === 'all'
      ? all
      : 'only' in which
        ? all.where('session_id', '=', which.only)
        : all.where('session_id', '<>', which.butNot);
  return Number((await query.executeTakeFirst()).numUpdatedRows);
}

/** Forgets sessions and confirmations that were over a month ago: who did what is in the audit log. */
export async function forgetSessions(db: Db, nowMs: number): Promise<void> {
  await db
    .deleteFrom('staff_confirmations')
    .where('created_at_ms', '<', nowMs - KEPT_MS)
    .execute();
  await db
    .deleteFrom('staff_sessions')
    .where('expires_at_ms', '<', nowMs - KEPT_MS)
    .execute();
}
