import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { isUniqueViolation, type Trx, transaction } from '../../db/transaction.ts';
import { endSessions } from '../login/sessions.ts';
import type { AccountRole } from '../roles.ts';
import type { StaffAccountRow } from '../tables.ts';

const INVITATION_BYTES = 20;
const INVITATION_MS = 72 * 3_600_000;

export interface Invitation {
  /** Nobody can read it again. */
  readonly invitation: string;
  readonly expiresAtMs: number;
}

export interface NewAccount {
  readonly staffId: string;
  readonly name: string;
  readonly role: AccountRole;
  readonly createdBy: string;
}

type AccountContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;

/** Whether people run the platform: somebody can log in. */
export async function hasActiveAccount(db: Pick<Trx, 'selectFrom'>): Promise<boolean> {
  const row = await db.selectFrom('staff_accounts').select('staff_id').where('state', '=', 'active').executeTakeFirst();
  return row !== undefined;
}

/**
 * Makes an account, for which its person sets password and second factor with the invitation.
 *
 * @throws PilegateError `resource.exists`
 */
export async function invite(context: AccountContext, account: NewAccount): Promise<Invitation> {
  const { staffId, name, role, createdBy } = account;
  const made = newInvitation(context);
  try {
    await transaction(context.db, (trx) =>
      trx
        .insertInto('staff_accounts')
        .values({
          staff_id: staffId,
          name,
          role,
          state: 'invited',
          created_at_ms: context.clock.wallMs(),
          created_by: createdBy,
          totp_last_step: 0,
          ...columnsOf(made),
        })
        .execute(),
    );
  } catch (cause) {
    if (!isUniqueViolation(cause)) throw cause;
    throw new PilegateError('resource.exists', `account ${staffId} exists already`, { cause });
  }
  return made;
}

/**
 * Invites the first owner, once more if the invitation before was lost. Also where every owner has lost the way in, by whoever runs
 * the machine.
 *
 * @param isRecovery whether an owner may be invited although people have accounts
 * @throws PilegateError `resource.exists` when somebody can log in already
 */
export async function inviteFirstOwner(
  context: AccountContext,
  account: Omit<NewAccount, 'role'>,
  isRecovery: boolean,
): Promise<Invitation> {
  const { staffId, name, createdBy } = account;
  const made = newInvitation(context);
  await transaction(context.db, async (trx) => {
    if (!isRecovery && (await hasActiveAccount(trx)))
      throw new PilegateError('resource.exists', 'there are accounts: an owner invites further people');
    const fresh = { name, role: 'owner', state: 'invited', ...columnsOf(made) } as const;
    await trx
      .insertInto('staff_accounts')
      .values({
        staff_id: staffId,
        created_at_ms: context.clock.wallMs(),
        created_by: createdBy,
        totp_last_step: 0,
        ...fresh,
      })
      .onConflict((conflict) =>
        conflict.column('staff_id').doUpdateSet({ ...fresh, password_hash: null, totp_sealed: null }),
      )
      .execute();
    await endSessions(trx, staffId, 'all', context.clock.wallMs());
  });
  return made;
}

/**
 * Ends an account and its sessions.
 *
 * @throws PilegateError `staff.unknown`, `staff.last_owner`
 */
export async function disable(context: AccountContext, staffId: string): Promise<void> {
  await changeAccount(context, staffId, async (trx) => {
    await assertOwnerLeft(trx, staffId);
    await trx
      .updateTable('staff_accounts')
      .set({ state: 'disabled', ...nothingToLogInWith })
      .where('staff_id', '=', staffId)
      .execute();
  });
}

/**
 * Takes away what somebody logs in with, and invites them again: after a loss, or when a disabled account is to come back.
 *
 * @throws PilegateError `staff.unknown`, `staff.last_owner`
 */
export async function inviteAgain(context: AccountContext, staffId: string): Promise<Invitation> {
  const made = newInvitation(context);
  await changeAccount(context, staffId, async (trx) => {
    await assertOwnerLeft(trx, staffId);
    await trx
      .updateTable('staff_accounts')
      .set({ state: 'invited', ...nothingToLogInWith, ...columnsOf(made) })
      .where('staff_id', '=', staffId)
      .execute();
  });
  return made;
}

/** @throws PilegateError `staff.unknown`, `staff.last_owner` */
export async function changeRole(context: AccountContext, staffId: string, role: AccountRole): Promise<void> {
  await changeAccount(context, staffId, async (trx) => {
    if (role !== 'owner') await assertOwnerLeft(trx, staffId);
    await trx.updateTable('staff_accounts').set({ role }).where('staff_id', '=', staffId).execute();
  });
}

/** Ends every session of an account; it can log in again. @throws PilegateError `staff.unknown` */
export const endAllSessions = (context: AccountContext, staffId: string): Promise<number> =>
  changeAccount(context, staffId, () => Promise.resolve());

const nothingToLogInWith = {
  password_hash: null,
  totp_sealed: null,
  invitation_sha256: null,
  invitation_expires_at_ms: null,
} as const;

/** Whatever changes about an account, its sessions end. */
function changeAccount(
  { db, clock }: AccountContext,
  staffId: string,
  change: (trx: Trx) => Promise<void>,
): Promise<number> {
  return transaction(db, async (trx) => {
    const account = await trx
      .selectFrom('staff_accounts')
      .select('staff_id')
      .where('staff_id', '=', staffId)
      .executeTakeFirst();
    if (account === undefined) throw new PilegateError('staff.unknown', `no account ${staffId}`);
    await change(trx);
    return endSessions(trx, staffId, 'all', clock.wallMs());
  });
}

/** All owners are held, so that two who leave at once do not both find the other one. */
async function assertOwnerLeft(trx: Trx, staffId: string): Promise<void> {
  const owners = await trx
    .selectFrom('staff_accounts')
    .select(['staff_id', 'state'])
    .where('role', '=', 'owner')
    .orderBy('staff_id')
    .forUpdate()
    .execute();
  const active = owners.filter((owner) => owner.state === 'active');
  if (active.length === 1 && active[0]?.staff_id === staffId)
    throw new PilegateError('staff.last_owner', `${staffId} is the last owner who can log in`);
}

function newInvitation({ clock, random }: Pick<AccountContext, 'clock' | 'random'>): Invitation {
  const invitation = random.bytes(INVITATION_BYTES).toString('base64url');
  return { invitation, expiresAtMs: clock.wallMs() + INVITATION_MS };
}

const columnsOf = ({ invitation, expiresAtMs }: Invitation) => ({
  invitation_sha256: sha256Hex(invitation),
  invitation_expires_at_ms: expiresAtMs,
});

export const accountRows = (db: Db): Promise<StaffAccountRow[]> =>
  db.selectFrom('staff_accounts').selectAll().orderBy('staff_id').execute();
