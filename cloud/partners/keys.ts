import { sql } from 'kysely';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import type { SecretBox } from '../keys/seal.ts';
import { type Caller, scopes } from './caller.ts';
import { isGoodKey, keyStateOf } from './key-state.ts';
import { type KeyLimits, keyLimitsSchema } from './rate-policy.ts';

/** How often at most it is written down that a key is in use. */
const USE_EVERY_MS = 60_000;

const scopesSchema = z.array(z.enum(scopes));
const rangesSchema = z.array(z.string());
export const secretContext = (keyId: string): string => `partner-key:${keyId}`;

export const scopesOf = (text: string): Caller['scopes'] => scopesSchema.parse(JSON.parse(text));
export const rangesOf = (text: string | null): string[] | null =>
  text === null ? null : rangesSchema.parse(JSON.parse(text));
export const limitsOf = (text: string | null): KeyLimits | null =>
  text === null ? null : keyLimitsSchema.parse(JSON.parse(text));

/** A key as the gate needs it. */
export interface FoundKey {
  readonly caller: Caller;
  readonly secret: string;
  /** Of the partner and of the key; a call has to be from within each. */
  readonly allowedCidrs: readonly (readonly string[])[];
  readonly limits: KeyLimits | null;
  readonly suspendedReason: string | null;
  readonly lastUsedAtMs: number | null;
  /** Of who calls now; null: not banned. */
  readonly bannedUntilMs: number | null;
}

/**
 * A key that may be used now, with all that is asked about it, in one query.
 *
 * @param from who calls, as bans name callers
 * @returns null when it is unknown, disabled, revoked, or its overlap is over
 */
export async function findKey(
  { db, secrets }: { readonly db: Db; readonly secrets: SecretBox },
  keyId: string,
  from: string,
  nowMs: number,
): Promise<FoundKey | null> {
  const row = await db
    .selectFrom('partner_keys')
    .innerJoin('partners', 'partners.partner_id', 'partner_keys.partner_id')
    .selectAll('partner_keys')
    .select(['partners.allowed_cidrs as partner_cidrs', 'partners.suspended_at_ms', 'partners.suspended_reason'])
    .select((select) =>
      select
        .selectFrom('auth_bans')
        .select('until_ms')
        .where('caller', '=', from)
        .where('until_ms', '>', nowMs)
        .as('banned_until_ms'),
    )
    .where('key_id', '=', keyId)
    .executeTakeFirst();
  if (row === undefined || !isGoodKey(keyStateOf(row, nowMs))) return null;
  return {
    caller: {
      partnerId: row.partner_id,
      keyId,
      familyId: row.family_id,
      environment: row.environment,
      scopes: scopesOf(row.scopes),
    },
    secret: secrets.open(row.secret_sealed, secretContext(keyId)),
    allowedCidrs: [rangesOf(row.partner_cidrs), rangesOf(row.allowed_cidrs)].filter((ranges) => ranges !== null),
    limits: limitsOf(row.limits),
    suspendedReason: row.suspended_at_ms === null ? null : (row.suspended_reason ?? 'no reason is on record'),
    lastUsedAtMs: row.last_used_at_ms,
    bannedUntilMs: row.banned_until_ms,
  };
}

/** Writes down that a key is in use and from where, once a minute at most. */
export async function noteUse(
  db: Db,
  key: Pick<FoundKey, 'caller' | 'lastUsedAtMs'>,
  address: string,
  nowMs: number,
): Promise<void> {
  const dueMs = nowMs - USE_EVERY_MS;
  if (key.lastUsedAtMs !== null && key.lastUsedAtMs > dueMs) return;
  await sql`with unsynced as (select set_config('synchronous_commit', 'off', true))
    update partner_keys set last_used_at_ms = ${nowMs}, last_used_from = ${address.slice(0, 64)} from unsynced
    where key_id = ${key.caller.keyId} and (last_used_at_ms is null or last_used_at_ms <= ${dueMs})`.execute(db);
}

export type KeyContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets'>;
