import type { Db } from '../db/connect.ts';

/** Forgets nonces whose requests would be stale anyway. */
export async function sweepNonces(db: Db, nowMs: number): Promise<void> {
  await db.deleteFrom('nonces').where('expires_at_ms', '<', nowMs).execute();
}
