import { PilegateError } from '#shared/errors.ts';
import type { Db } from '../db/connect.ts';
import type { SiteCredentialRow } from '../db/identity-tables.ts';
import { isUniqueViolation, savepoint, type Trx } from '../db/transaction.ts';
import type { Issued } from './issuer.ts';

/** The site's row is held: who changes its credentials at once does so one after the other. */
export async function lockSite(trx: Trx, siteId: string) {
  const site = await trx
    .selectFrom('sites')
    .select(['site_id', 'shard', 'revoked_at_ms'])
    .where('site_id', '=', siteId)
    .forUpdate()
    .executeTakeFirst();
  if (site === undefined) throw new PilegateError('station.unknown', `no site ${siteId}`);
  return site;
}

/** True while it may be used at all, whether it has been yet or not. */
export const isGood = (row: Pick<SiteCredentialRow, 'ended_at_ms' | 'expires_at_ms'>, nowMs: number): boolean =>
  row.ended_at_ms === null && (row.expires_at_ms === null || row.expires_at_ms > nowMs);

/** The credential of that fingerprint, if the site has it. */
export const findCredential = (db: Db | Trx, siteId: string, fingerprint: string) =>
  db
    .selectFrom('site_credentials')
    .selectAll()
    .where('fingerprint', '=', fingerprint)
    .where('site_id', '=', siteId)
    .executeTakeFirst();

/**
 * Stores a credential beside those that the site has.
 *
 * @throws PilegateError `credential.refused` when it has been given before, to this site or another
 */
export async function storeCredential(
  trx: Trx,
  siteId: string,
  issued: Issued,
  grantedBy: SiteCredentialRow['granted_by'],
  nowMs: number,
): Promise<SiteCredentialRow> {
  try {
    return await savepoint(trx, () =>
      trx
        .insertInto('site_credentials')
        .values({
          fingerprint: issued.fingerprint,
          site_id: siteId,
          kind: issued.kind,
          granted_by: grantedBy,
          certificate: issued.certificate,
          serial: issued.serial,
          granted_at_ms: nowMs,
          expires_at_ms: issued.expiresAtMs,
        })
        .returningAll()
        .executeTakeFirstOrThrow(),
    );
  } catch (cause) {
    if (!isUniqueViolation(cause)) throw cause;
    throw new PilegateError('credential.refused', 'this password or key has been given before', { cause });
  }
}

/**
 * The site has connected with a credential. If it is the first time, those that it had before end: the overlap is over.
 *
 * @returns whether others have ended; false also for a credential that is not good
 */
export async function proveCredential(trx: Trx, siteId: string, fingerprint: string, nowMs: number): Promise<boolean> {
  const row = await findCredential(trx, siteId, fingerprint);
  if (row === undefined || row.proven_at_ms !== null || !isGood(row, nowMs)) return false;
  await lockSite(trx, siteId);
  const proven = await trx
    .updateTable('site_credentials')
    .set({ proven_at_ms: nowMs })
    .where('fingerprint', '=', fingerprint)
    .where('proven_at_ms', 'is', null)
    .where('ended_at_ms', 'is', null)
    .executeTakeFirst();
  if (proven.numUpdatedRows === 0n) return false;
  const ended = await trx
    .updateTable('site_credentials')
    .set({ ended_at_ms: nowMs, end_reason: 'replaced' })
    .where('site_id', '=', siteId)
    .where('fingerprint', '<>', fingerprint)
    // One that was granted since is the next one, and not the one before.
    .where('number', '<', row.number)
    .where('ended_at_ms', 'is', null)
    .executeTakeFirst();
  return ended.numUpdatedRows > 0n;
}
