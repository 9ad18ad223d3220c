import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sql } from 'kysely';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { Authority } from '../sites/authority.ts';
import { revocationList } from '../sites/authority.ts';

/** A broker lets nobody in on a list that is too old, so it holds for long; it is written anew every day. */
const HOLDS_MS = 34_560_000_000;
const LIST_LOCK = 1_401;

/**
 * Writes the list of certificates that hold no longer, for the broker. Those that have expired are not on it.
 *
 * @returns the list, PEM
 * @throws whatever the file system refuses it with
 */
export function writeRevokedFile(
  context: Pick<CloudContext, 'db' | 'clock' | 'random'>,
  authority: Authority,
  path: string,
): Promise<string> {
  // One writer at a time, whatever process it is in: an older list must not take the place of a newer one.
  return transaction(context.db, async (trx) => {
    await sql`select pg_advisory_xact_lock(${LIST_LOCK})`.execute(trx);
    const nowMs = context.clock.wallMs();
    const list = await revocationList(authority, await revokedAt(trx, nowMs), nowMs, nowMs + HOLDS_MS);
    await putDurably(path, list, context.random.uuid());
    return list;
  });
}

async function revokedAt(trx: Trx, nowMs: number): Promise<{ serial: string; atMs: number }[]> {
  const rows = await trx
    .selectFrom('site_credentials')
    .select(['serial', 'ended_at_ms'])
    .where('kind', '=', 'certificate')
    .where('ended_at_ms', 'is not', null)
    .where('expires_at_ms', '>', nowMs)
    .orderBy('number')
    .execute();
  return rows.flatMap(({ serial, ended_at_ms: atMs }) => (serial === null || atMs === null ? [] : [{ serial, atMs }]));
}

async function putDurably(path: string, text: string, unique: string): Promise<void> {
  const fresh = `${path}.${unique}`;
  const file = await open(fresh, 'wx', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
