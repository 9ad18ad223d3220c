import type { Db } from '../db/connect.ts';

/** How far the clocks of processes may be apart, and how long a request may take from its signature to its nonce. */
const CLOCKS_APART_MS = 60_000;

/** Forgets nonces whose requests would be stale anyway, by whichever clock of the cloud. */
export async function sweepNonces(db: Db, nowMs: number): Promise<void> {
  await db
    .deleteFrom('nonces')
    .where('expires_at_ms', '<', nowMs - CLOCKS_APART_MS)
    .execute();
}

/** Whether a signed request of a key has been taken before. */
export const isNonceUsed = async (db: Db, keyId: string, nonce: string): Promise<boolean> => {
  const used = db.selectFrom('nonces').select('nonce').where('key_id', '=', keyId).where('nonce', '=', nonce);
  return (await used.executeTakeFirst()) !== undefined;
};
