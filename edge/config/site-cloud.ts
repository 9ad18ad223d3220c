import { isLoopbackHost } from '#shared/loopback.ts';
import type { AddIssue } from '../devices/profile/checks.ts';
import type { SiteShape } from './site.ts';

const WHY = 'anybody on the way could read it. Use TLS, or say "allowUnencrypted": true';

/**
 * How the cloud is reached: nothing secret goes unencrypted to another machine unless somebody says that it may.
 *
 * @param isInForce the site works with it already, perhaps since before this was asked: it goes on
 */
export function checkCloud(asked: SiteShape['cloud'], add: AddIssue, isInForce = false): void {
  const cloud = isInForce ? { ...asked, allowUnencrypted: true } : asked;
  const { fallbacks = [], identity, passwordFile, allowUnencrypted } = cloud;
  checkBroker(cloud, cloud.brokerUrl, ['cloud', 'brokerUrl'], add);
  for (const [index, { brokerUrl }] of fallbacks.entries())
    checkBroker(cloud, brokerUrl, ['cloud', 'fallbacks', index, 'brokerUrl'], add);
  if (identity !== undefined && passwordFile !== undefined)
    add(['cloud', 'passwordFile'], 'the site has an identity of its own: leave one of the two out');
  if (allowUnencrypted === true || identity === undefined) return;
  const claim = new URL(identity.claimUrl);
  if (claim.protocol !== 'https:' && !isLoopbackHost(claim.hostname))
    add(['cloud', 'identity', 'claimUrl'], `the claim code would go unencrypted to ${claim.hostname}: ${WHY}`);
}

function checkBroker(
  { identity, passwordFile, allowUnencrypted }: SiteShape['cloud'],
  url: string,
  path: (string | number)[],
  add: AddIssue,
): void {
  const broker = new URL(url);
  const isSecure = broker.protocol === 'mqtts:';
  if (identity?.kind === 'certificate' && !isSecure) add(path, 'a certificate proves something over mqtts:// only');
  const hasPassword = passwordFile !== undefined || identity?.kind === 'password';
  if (allowUnencrypted !== true && hasPassword && !isSecure && !isLoopbackHost(broker.hostname))
    add(path, `the password would go unencrypted to ${broker.hostname}: ${WHY}`);
}
