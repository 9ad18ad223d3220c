import { isLoopbackHost } from '#shared/loopback.ts';
import type { AddIssue } from '../devices/profile/checks.ts';
import type { SiteShape } from './site.ts';

/** How the cloud is reached: nothing secret goes unencrypted to another machine unless somebody says that it may. */
export function checkCloud(cloud: SiteShape['cloud'], add: AddIssue): void {
  const { brokerUrl, identity, passwordFile, allowUnencrypted } = cloud;
  const broker = new URL(brokerUrl);
  const isSecure = broker.protocol === 'mqtts:';
  if (identity !== undefined && passwordFile !== undefined)
    add(['cloud', 'passwordFile'], 'the site has an identity of its own: leave one of the two out');
  if (identity?.kind === 'certificate' && !isSecure)
    add(['cloud', 'brokerUrl'], 'a certificate proves something over mqtts:// only');
  if (allowUnencrypted === true) return;
  const why = 'anybody on the way could read it. Use TLS, or say "allowUnencrypted": true';
  const hasPassword = passwordFile !== undefined || identity?.kind === 'password';
  if (hasPassword && !isSecure && !isLoopbackHost(broker.hostname))
    add(['cloud', 'brokerUrl'], `the password would go unencrypted to ${broker.hostname}: ${why}`);
  if (identity === undefined) return;
  const claim = new URL(identity.claimUrl);
  if (claim.protocol !== 'https:' && !isLoopbackHost(claim.hostname))
    add(['cloud', 'identity', 'claimUrl'], `the claim code would go unencrypted to ${claim.hostname}: ${why}`);
}
