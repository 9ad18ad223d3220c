import { PilegateError } from '#shared/errors.ts';
import type { Db } from '../db/connect.ts';
import { WINDOW_S } from './signature.ts';

/**
 * Remembers a nonce for as long as its request would pass the time window. Called only after the signature
 * was found good, so that strangers cannot use up a partner's nonces.
 *
 * @throws PilegateError `auth.reused_nonce`
 */
export async function useNonce(db: Db, keyId: string, nonce: string, timestampS: number): Promise<void> {
  const inserted = await db
    .insertInto('nonces')
    .values({ key_id: keyId, nonce, expires_at_ms: (timestampS + WINDOW_S + 1) * 1000 })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows !== 1n) throw new PilegateError('auth.reused_nonce', `key ${keyId}`);
}

/** Forgets nonces whose requests would be stale anyway. */
export async function sweepNonces(db: Db, nowMs: number): Promise<void> {
  await db.deleteFrom('nonces').where('expires_at_ms', '<', nowMs).execute();
}
