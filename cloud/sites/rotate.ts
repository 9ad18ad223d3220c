import { PilegateError } from '#shared/errors.ts';
import type { CredentialGrant, Renewal } from '#shared/wire/credentials.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { Trx } from '../db/transaction.ts';
import type { IngestContext, KnownSite } from '../ingest/incoming.ts';
import { inShard, ShardLostError } from '../ingest/shards/fence.ts';
import { findCredential, isGood, lockSite, proveCredential, storeCredential } from './credentials.ts';

const DAY_MS = 86_400_000;
/** A site needs one in months. */
const MOST_A_DAY = 20;

/** The site asks for its next credential. It is good at once, beside the present one; the same asked again is granted again. */
export async function handleRenewal(context: IngestContext, site: KnownSite, renewal: Renewal): Promise<void> {
  await context.down.credential(site, await grantNext(context, site, renewal));
}

/** @throws PilegateError `credential.kind`, `credential.refused`; `credential.revoked` when the site is by now */
async function grantNext(
  context: IngestContext,
  { siteId, shard }: KnownSite,
  renewal: Renewal,
): Promise<CredentialGrant> {
  const nowMs = context.clock.wallMs();
  const issued = await context.issuer.issue(renewal.wish, siteId, nowMs);
  const { value: row, tenure } = await inShard(context, shard, async (trx) => {
    const site = await lockSite(trx, siteId);
    if (site.revoked_at_ms !== null) throw new PilegateError('credential.revoked', `site ${siteId} is revoked`);
    const known = await findCredential(trx, siteId, issued.fingerprint);
    if (known !== undefined && isGood(known, nowMs)) return known;
    if ((await grantedSince(trx, siteId, nowMs - DAY_MS)) >= MOST_A_DAY)
      throw new PilegateError('credential.refused', `${MOST_A_DAY} credentials in a day are the most`);
    // Of those that nobody has connected with only the last one counts: the site has thrown the others away.
    await trx
      .updateTable('site_credentials')
      .set({ ended_at_ms: nowMs, end_reason: 'replaced' })
      .where('site_id', '=', siteId)
      .where('granted_by', '=', 'rotation')
      .where('proven_at_ms', 'is', null)
      .where('ended_at_ms', 'is', null)
      .execute();
    context.logger.info({ siteId, fingerprint: issued.fingerprint }, 'site gets its next credential');
    return storeCredential(trx, siteId, issued, 'rotation', nowMs);
  });
  if (!tenure.isLive()) throw new ShardLostError(shard);
  return {
    v: WIRE_VERSION,
    fingerprint: row.fingerprint,
    certificate: row.certificate,
    expiresAtMs: row.expires_at_ms,
  };
}

async function grantedSince(trx: Trx, siteId: string, sinceMs: number): Promise<number> {
  const row = await trx
    .selectFrom('site_credentials')
    .select((count) => count.fn.countAll<number>().as('count'))
    .where('site_id', '=', siteId)
    .where('granted_at_ms', '>', sinceMs)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The site says hello with a credential: if that is new, the one before it ends, and with it any link that still uses it. */
export async function hearCredential(
  context: IngestContext,
  { siteId, shard }: KnownSite,
  fingerprint: string,
): Promise<void> {
  const nowMs = context.clock.wallMs();
  const { value: othersEnded } = await inShard(context, shard, (trx) =>
    proveCredential(trx, siteId, fingerprint, nowMs),
  );
  if (!othersEnded) return;
  context.logger.info({ siteId, fingerprint }, 'site uses its new credential; the one before has ended');
  // The site has been heard with the new one: what cannot be ended now must not keep it waiting.
  await context.siteLinks.cut(siteId, fingerprint).catch((error: unknown) => {
    context.logger.error({ err: error, siteId }, 'the credential before cannot be ended at the broker');
  });
}
