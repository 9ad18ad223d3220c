import { PilegateError } from '#shared/errors.ts';
import type { Environment } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { Scope } from './caller.ts';
import { isGoodKey, type KeyState, keyStateOf } from './key-state.ts';
import { type KeyContext, secretContext } from './keys.ts';
import type { KeyLimits } from './rate-policy.ts';
import type { PartnerKeyRow } from './tables.ts';

const SECRET_BYTES = 32;
/** Each key that is no other's successor has limits of its own, so their number is one, too. */
const MOST_GOOD_KEYS = 20;

export interface NewKey {
  readonly partnerId: string;
  readonly environment: Environment;
  readonly scopes: readonly Scope[];
  readonly label?: string | null;
  readonly allowedCidrs?: readonly string[] | null;
  readonly limits?: KeyLimits | null;
}

/** The only time that a secret is to be had. */
export interface MadeKey {
  readonly keyId: string;
  readonly secret: string;
}

/** A key in another's place. */
export interface RotatedKey extends MadeKey {
  readonly formerEndsAtMs: number;
}

/**
 * Makes a key of a partner, which there is only after an approval. The secret is returned once, and kept only sealed.
 *
 * @throws PilegateError `partner.unknown`, or `key.state` when the partner is not approved or has too many
 */
export const createKey = (context: KeyContext, key: NewKey): Promise<MadeKey> =>
  transaction(context.db, (trx) =>
    storeKey(trx, context, {
      partner_id: key.partnerId,
      family_id: null,
      environment: key.environment,
      scopes: JSON.stringify(key.scopes),
      label: key.label ?? null,
      allowed_cidrs:
        key.allowedCidrs === undefined || key.allowedCidrs === null ? null : JSON.stringify(key.allowedCidrs),
      limits: key.limits === undefined || key.limits === null ? null : JSON.stringify(key.limits),
    }),
  );

interface KeyColumns
  extends Pick<PartnerKeyRow, 'partner_id' | 'environment' | 'scopes' | 'label' | 'allowed_cidrs' | 'limits'> {
  /** Null: it is the first. */
  readonly family_id: string | null;
}

async function storeKey(trx: Trx, context: KeyContext, columns: KeyColumns): Promise<MadeKey> {
  const { partner_id: partnerId, environment } = columns;
  const nowMs = context.clock.wallMs();
  // Locked, so that two who make one at once cannot both be the last that there is room for.
  const partner = await trx
    .selectFrom('partners')
    .select('approved_at_ms')
    .where('partner_id', '=', partnerId)
    .forUpdate()
    .executeTakeFirst();
  if (partner === undefined) throw new PilegateError('partner.unknown', `no partner ${partnerId}`);
  if (partner.approved_at_ms === null) throw new PilegateError('key.state', `${partnerId} is not approved`);
  const others = await trx
    .selectFrom('partner_keys')
    .select(['disabled_at_ms', 'revoked_at_ms', 'expires_at_ms'])
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .execute();
  // A successor takes the room of the one before it, which is among those that are good for a while yet.
  const isCounted = (state: KeyState) => (columns.family_id === null ? isGoodKey(state) : state === 'replaced');
  if (others.filter((other) => isCounted(keyStateOf(other, nowMs))).length >= MOST_GOOD_KEYS)
    throw new PilegateError('key.state', `${partnerId} has ${MOST_GOOD_KEYS} ${environment} keys, which is the most`);
  const keyId = `pk_${environment}_${context.random.bytes(12).toString('hex')}`;
  const secret = `sk_${environment}_${context.random.bytes(SECRET_BYTES).toString('base64url')}`;
  const sealed = context.secrets.seal(secret, secretContext(keyId));
  await trx
    .insertInto('partner_keys')
    .values({
      key_id: keyId,
      ...columns,
      family_id: columns.family_id ?? keyId,
      secret_sealed: sealed,
      created_at_ms: nowMs,
      disabled_at_ms: null,
    })
    .execute();
  return { keyId, secret };
}

/** Which key, and of whom. */
export interface KeyName {
  readonly partnerId: string;
  readonly keyId: string;
  /** Only one of this environment; absent: of either. */
  readonly environment?: Environment;
}

async function lockKey(trx: Trx, { partnerId, keyId, environment }: KeyName): Promise<PartnerKeyRow> {
  const row = await trx
    .selectFrom('partner_keys')
    .selectAll()
    .where('key_id', '=', keyId)
    .where('partner_id', '=', partnerId)
    .$if(environment !== undefined, (query) => query.where('environment', '=', environment ?? 'sandbox'))
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('key.unknown', `no key ${keyId}`);
  return row;
}

/**
 * Makes a key with the same rights, limits and past, and ends the present one when the overlap is over. Within the overlap it may be repeated as long as
 * the new key was never used: its secret may have been lost on the way, so that key is revoked and another takes its place.
 *
 * @param overlapMs 0: the present one ends at once. Of a repetition: without effect, the end stays
 * @throws PilegateError `key.unknown`, or `key.state` when it is neither live nor replaced by a key that was never used
 */
export const rotateKey = (context: KeyContext, name: KeyName, overlapMs: number): Promise<RotatedKey> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const former = await lockKey(trx, name);
    const state = keyStateOf(former, nowMs);
    const isRepeated = state === 'replaced' && (await revokeUnused(trx, former, nowMs));
    if (state !== 'live' && !isRepeated) throw new PilegateError('key.state', `${name.keyId} is ${state}`);
    const { partner_id, family_id, environment, scopes, label, allowed_cidrs, limits } = former;
    const columns = { partner_id, family_id, environment, scopes, label, allowed_cidrs, limits };
    const made = await storeKey(trx, context, columns);
    const formerEndsAtMs = former.expires_at_ms ?? nowMs + overlapMs;
    await trx
      .updateTable('partner_keys')
      .set({ expires_at_ms: formerEndsAtMs, replaced_by: made.keyId })
      .where('key_id', '=', name.keyId)
      .execute();
    return { ...made, formerEndsAtMs };
  });

/** Ends the key that took another's place, if nobody has ever signed with it. */
async function revokeUnused(trx: Trx, former: PartnerKeyRow, nowMs: number): Promise<boolean> {
  const revoked = await trx
    .updateTable('partner_keys')
    .set({ revoked_at_ms: nowMs, revoked_reason: 'never used, and the rotation was repeated' })
    .where('key_id', '=', former.replaced_by)
    .where('last_used_at_ms', 'is', null)
    .where('revoked_at_ms', 'is', null)
    .executeTakeFirst();
  return revoked.numUpdatedRows === 1n;
}

export type KeyEnd = 'disable' | 'enable' | 'revoke';

const endings: Readonly<Record<KeyEnd, (nowMs: number, reason: string) => Partial<PartnerKeyRow>>> = {
  disable: (nowMs, reason) => ({ disabled_at_ms: nowMs, disabled_reason: reason }),
  enable: () => ({ disabled_at_ms: null, disabled_reason: null }),
  revoke: (nowMs, reason) => ({ revoked_at_ms: nowMs, revoked_reason: reason }),
};

/**
 * Disables a key, takes that back, or ends it for good. It holds from the COMMIT on, in every process. What is so already is left
 * as it is. Whoever enables one has looked at how it is used: it is no longer held against its past, and has a new one.
 *
 * @throws PilegateError `key.unknown`, or `key.state` for one that was revoked
 */
export const changeKey = (context: KeyContext, name: KeyName, change: KeyEnd, reason: string): Promise<void> =>
  transaction(context.db, async (trx) => {
    const row = await lockKey(trx, name);
    if (change === 'revoke' && row.revoked_at_ms !== null) return;
    if (row.revoked_at_ms !== null) throw new PilegateError('key.state', `${name.keyId} is revoked`);
    if (change === 'disable' && row.disabled_at_ms !== null) return;
    await trx
      .updateTable('partner_keys')
      .set(endings[change](context.clock.wallMs(), reason))
      .where('key_id', '=', name.keyId)
      .execute();
    if (change === 'enable' && row.disabled_at_ms !== null)
      await trx.deleteFrom('key_usage').where('family_id', '=', row.family_id).execute();
  });

/**
 * Disables every key of a family that may be used. One that is being rotated meanwhile is waited for, and its successor is disabled as well.
 *
 * @returns which
 */
export async function disableFamily(trx: Trx, familyId: string, reason: string, nowMs: number): Promise<string[]> {
  const disabledIds: string[] = [];
  for (;;) {
    const keys = await trx
      .selectFrom('partner_keys')
      .select(['key_id', 'disabled_at_ms', 'revoked_at_ms', 'expires_at_ms'])
      .where('family_id', '=', familyId)
      .orderBy('key_id')
      .forUpdate()
      .execute();
    const goodIds = keys.filter((key) => isGoodKey(keyStateOf(key, nowMs))).map((key) => key.key_id);
    if (goodIds.length === 0) return disabledIds;
    await trx.updateTable('partner_keys').set(endings.disable(nowMs, reason)).where('key_id', 'in', goodIds).execute();
    disabledIds.push(...goodIds);
  }
}

export interface KeyChange {
  /** Of each: undefined leaves it as it is, null takes it away. */
  readonly label: string | undefined;
  readonly allowedCidrs: readonly string[] | null | undefined;
  readonly limits: KeyLimits | null | undefined;
}

/**
 * Changes what is agreed of a key. Its limits are those of every key that it was rotated from or to: they take from the same
 * buckets.
 *
 * @throws PilegateError `key.unknown`
 */
export const setKey = (context: KeyContext, name: KeyName, change: KeyChange): Promise<void> =>
  transaction(context.db, async (trx) => {
    const row = await lockKey(trx, name);
    const { label = row.label, allowedCidrs, limits } = change;
    await trx
      .updateTable('partner_keys')
      .set({
        label,
        allowed_cidrs: allowedCidrs === undefined ? row.allowed_cidrs : allowedCidrs && JSON.stringify(allowedCidrs),
      })
      .where('key_id', '=', name.keyId)
      .execute();
    if (limits === undefined) return;
    await trx
      .updateTable('partner_keys')
      .set({ limits: limits && JSON.stringify(limits) })
      .where('family_id', '=', row.family_id)
      .execute();
  });
