import type { SiteConfig } from '../../config/site.ts';
import { IdentityFolder } from './identity-folder.ts';
import { makeSecret } from './make-secret.ts';
import { redeemOverHttp } from './redeem-claim.ts';
import { SiteIdentity, type SiteIdentityParts } from './site-identity.ts';

/**
 * The identity of a site as its file asks for it; null where it has a password of somebody else's making, or none.
 *
 * @param authority PEM of the authority that the cloud's certificate is from; null: those that the system trusts
 */
export function openIdentity(
  { siteId, dataDir, cloud }: Pick<SiteConfig, 'siteId' | 'dataDir' | 'cloud'>,
  authority: string | null,
  parts: Pick<SiteIdentityParts, 'clock' | 'log'>,
): SiteIdentity | null {
  if (cloud.identity === undefined) return null;
  const { kind, claimUrl } = cloud.identity;
  return new SiteIdentity({
    siteId,
    shard: cloud.shard,
    kind,
    folder: new IdentityFolder(dataDir),
    redeem: redeemOverHttp(claimUrl, authority),
    makeSecret,
    ...parts,
  });
}
