import { PilegateError } from '#shared/errors.ts';
import type { ClaimAnswer, ClaimRequest } from '#shared/wire/credentials.ts';
import type { CloudContext } from '../context.ts';
import type { SiteCredentialRow } from '../db/identity-tables.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { digestOfClaimCode, newClaimCode } from './claim-code.ts';
import { isGood, lockSite, storeCredential } from './credentials.ts';

const HOUR_MS = 3_600_000;
/** Long enough for a box that is sent by post. */
export const DEFAULT_CLAIM_MS = 168 * HOUR_MS;

export interface NewClaim {
  readonly siteId: string;
  readonly requestedBy: string;
  readonly validForMs: number;
}

/** @returns the code, which nobody can read again */
export async function storeClaim(
  trx: Trx,
  context: Pick<CloudContext, 'random'>,
  { siteId, requestedBy, validForMs }: NewClaim,
  nowMs: number,
): Promise<{ claimCode: string; expiresAtMs: number }> {
  const claimCode = newClaimCode(context.random.bytes);
  const expiresAtMs = nowMs + validForMs;
  await trx
    .updateTable('site_claims')
    .set({ cancelled_at_ms: nowMs })
    .where('site_id', '=', siteId)
    .where('redeemed_at_ms', 'is', null)
    .where('cancelled_at_ms', 'is', null)
    .execute();
  await trx
    .insertInto('site_claims')
    .values({
      code_sha256: digestOfClaimCode(claimCode),
      site_id: siteId,
      requested_by: requestedBy,
      created_at_ms: nowMs,
      expires_at_ms: expiresAtMs,
    })
    .execute();
  return { claimCode, expiresAtMs };
}

/**
 * Makes a code that a site exchanges once for a credential. One that the site has not redeemed yet holds no longer.
 *
 * @throws PilegateError `station.unknown`
 */
export function createClaim(
  context: Pick<CloudContext, 'db' | 'clock' | 'random'>,
  claim: NewClaim,
): Promise<{ claimCode: string; expiresAtMs: number }> {
  return transaction(context.db, async (trx) => {
    await lockSite(trx, claim.siteId);
    return storeClaim(trx, context, claim, context.clock.wallMs());
  });
}

/**
 * Exchanges a code for a credential. The same exchange once more is answered in the same way, because the answer before may have
 * been lost; any other use is refused, and told to staff: two boxes hold one code.
 *
 * @throws PilegateError `claim.unknown`, `claim.expired`, `claim.used`; `credential.kind`, `credential.refused`
 */
export async function redeemClaim(
  context: Pick<CloudContext, 'db' | 'clock' | 'issuer' | 'intrusions' | 'logger'>,
  request: ClaimRequest,
): Promise<ClaimAnswer> {
  const { siteId } = request;
  const nowMs = context.clock.wallMs();
  const codeSha256 = digestOfClaimCode(request.claimCode);
  await findClaim(context.db, siteId, codeSha256);
  const issued = await context.issuer.issue(request.wish, siteId, nowMs);
  try {
    return await transaction(context.db, async (trx) => {
      const site = await lockSite(trx, siteId);
      const claim = await findClaim(trx, siteId, codeSha256);
      if (claim.redeemed_at_ms !== null)
        return answer(site, await sameAgain(trx, claim, issued.fingerprint, nowMs), nowMs);
      if (claim.cancelled_at_ms !== null) throw new PilegateError('claim.expired', 'a newer code has taken its place');
      if (claim.expires_at_ms <= nowMs) throw new PilegateError('claim.expired', 'its time is over');
      const credential = await storeCredential(trx, siteId, issued, 'claim', nowMs);
      await trx
        .updateTable('site_claims')
        .set({ redeemed_at_ms: nowMs, fingerprint: issued.fingerprint })
        .where('code_sha256', '=', codeSha256)
        .execute();
      await trx.updateTable('sites').set({ revoked_at_ms: null }).where('site_id', '=', siteId).execute();
      context.logger.info({ siteId, fingerprint: issued.fingerprint }, 'claim is redeemed');
      return answer(site, credential, nowMs);
    });
  } catch (error) {
    if (error instanceof PilegateError && error.code === 'claim.used')
      context.intrusions.note({ siteId, code: 'claim-used-twice', detail: error.detail });
    throw error;
  }
}

/** @throws PilegateError `claim.unknown` */
async function findClaim(db: Pick<Trx, 'selectFrom'>, siteId: string, codeSha256: string) {
  const claim = await db
    .selectFrom('site_claims')
    .selectAll()
    .where('code_sha256', '=', codeSha256)
    .where('site_id', '=', siteId)
    .executeTakeFirst();
  if (claim === undefined) throw new PilegateError('claim.unknown', `no such code for ${siteId}`);
  return claim;
}

async function sameAgain(
  trx: Trx,
  claim: { readonly fingerprint: string | null },
  fingerprint: string,
  nowMs: number,
): Promise<SiteCredentialRow> {
  const credential = await trx
    .selectFrom('site_credentials')
    .selectAll()
    .where('fingerprint', '=', claim.fingerprint)
    .executeTakeFirstOrThrow();
  if (claim.fingerprint !== fingerprint)
    throw new PilegateError('claim.used', 'another password or key came with this code before');
  if (!isGood(credential, nowMs)) throw new PilegateError('claim.expired', 'the credential that it was for has ended');
  return credential;
}

function answer(
  site: { readonly site_id: string; readonly shard: number },
  credential: SiteCredentialRow,
  serverWallMs: number,
): ClaimAnswer {
  return {
    siteId: site.site_id,
    shard: site.shard,
    fingerprint: credential.fingerprint,
    certificate: credential.certificate,
    expiresAtMs: credential.expires_at_ms,
    serverWallMs,
  };
}
