import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import type { Environment } from '../db/schema.ts';
import { transaction } from '../db/transaction.ts';
import type { SecretBox } from '../keys/seal.ts';
import { type Caller, type Scope, scopes } from './caller.ts';

const SECRET_BYTES = 32;
const scopesSchema = z.array(z.enum(scopes));
const secretContext = (keyId: string): string => `partner-key:${keyId}`;

/** Makes a key. The secret is returned once, and kept only sealed. */
export async function createKey(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets'>,
  key: { partnerId: string; environment: Environment; scopes: readonly Scope[] },
): Promise<{ keyId: string; secret: string }> {
  const keyId = `pk_${key.environment}_${context.random.bytes(12).toString('hex')}`;
  const secret = `sk_${key.environment}_${context.random.bytes(SECRET_BYTES).toString('base64url')}`;
  const row = {
    key_id: keyId,
    partner_id: key.partnerId,
    environment: key.environment,
    scopes: JSON.stringify(key.scopes),
    secret_sealed: context.secrets.seal(secret, secretContext(keyId)),
    created_at_ms: context.clock.wallMs(),
    disabled_at_ms: null,
  };
  await transaction(context.db, (trx) => trx.insertInto('partner_keys').values(row).execute());
  return { keyId, secret };
}

/** @throws PilegateError `auth.unknown_key` */
export async function findKey(db: Db, secrets: SecretBox, keyId: string): Promise<{ caller: Caller; secret: string }> {
  const row = await db.selectFrom('partner_keys').selectAll().where('key_id', '=', keyId).executeTakeFirst();
  if (row === undefined || row.disabled_at_ms !== null) throw new PilegateError('auth.unknown_key', `key ${keyId}`);
  return {
    caller: {
      partnerId: row.partner_id,
      keyId,
      environment: row.environment,
      scopes: scopesSchema.parse(JSON.parse(row.scopes)),
    },
    secret: secrets.open(row.secret_sealed, secretContext(keyId)),
  };
}
