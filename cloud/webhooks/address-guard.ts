import ipaddr from 'ipaddr.js';
import { PilegateError } from '#shared/errors.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a host name. */
export type LookUp = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface WebhookTarget {
  readonly hostname: string;
  readonly port: number;
  /** On the exact allowlist for development: may be http, and may be on loopback. */
  readonly dev: boolean;
}

/** Of clouds, inside their networks, although the address is a public one (of Azure's virtual machines). */
const INSIDE_CLOUDS: ReadonlySet<string> = new Set(['168.63.129.16']);

const refused = (detail: string): PilegateError => new PilegateError('webhook.address_refused', detail);

/**
 * Only addresses of the public internet: everything that IANA has set aside is refused, including ways to
 * write an IPv4 address as IPv6, which would lead around the other ranges.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast' || INSIDE_CLOUDS.has(parsed.toString())) return false;
  // Global unicast is 2000::/3; the rest is unassigned or holds a translated IPv4 address.
  return parsed.kind() === 'ipv4' || ((parsed.toByteArray()[0] ?? 0) & 0xe0) === 0x20;
}

const isLoopback = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.parse(address).range() === 'loopback';

/**
 * What a name of ours leads to is not told: partners could ask for all of them.
 *
 * @throws PilegateError `webhook.address_refused` when an address is not one to send to
 */
export function assertAllowed(target: WebhookTarget, address: string): void {
  if (isPublicAddress(address) || (target.dev && isLoopback(address))) return;
  throw refused(`${target.hostname} leads to what is not a public address`);
}

const plainHostname = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** Recognises a `host:port` of the development allowlist, exactly as written there. */
export function targetOf(hostname: string, port: number, devAllow: readonly string[]): WebhookTarget {
  return { hostname: plainHostname(hostname), port, dev: devAllow.includes(`${hostname}:${port}`) };
}

/**
 * Reads a webhook address: https, no user, no password. The allowlist for development also allows http.
 *
 * @throws PilegateError `webhook.address_refused`
 */
export function parseWebhookUrl(text: string, devAllow: readonly string[]): { url: URL; target: WebhookTarget } {
  if (!URL.canParse(text)) throw refused('not a URL');
  const url = new URL(text);
  const port = url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port);
  const target = targetOf(url.hostname, port, devAllow);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && target.dev)) throw refused('not an https address');
  if (url.username !== '' || url.password !== '') throw refused('a user name or password in the address');
  return { url, target };
}

/**
 * Resolves a target and checks every address it has: one bad address is enough to refuse, because the
 * connection could be made to any of them.
 *
 * @throws PilegateError `webhook.address_refused`
 */
export async function resolveAllowed(target: WebhookTarget, lookUp: LookUp): Promise<readonly ResolvedAddress[]> {
  if (ipaddr.isValid(target.hostname)) {
    assertAllowed(target, target.hostname);
    return [{ address: target.hostname, family: ipaddr.parse(target.hostname).kind() === 'ipv4' ? 4 : 6 }];
  }
  const addresses = await lookUp(target.hostname).catch((cause: unknown) => {
    throw new PilegateError('webhook.address_refused', `${target.hostname} cannot be resolved`, { cause });
  });
  if (addresses.length === 0) throw refused(`${target.hostname} has no address`);
  for (const { address } of addresses) assertAllowed(target, address);
  return addresses;
}
