import { lookup, Resolver } from 'node:dns/promises';
import type { LookUp } from './address-guard.ts';

const ONE_TRY_MS = 2_000;
const TRIES = 2;

/** Of this machine and of the network it stands in, as its own files have them. */
const isOwnName = (hostname: string): boolean => !hostname.includes('.') || hostname.endsWith('.localhost');

/**
 * Looks up what partners and strangers name, by the name servers of this machine. Not as the system itself does (`getaddrinfo`): that holds
 * one of very few threads of the process for as long as a name server is silent, and whoever names an address chooses the name server.
 *
 * @param servers in place of those of this machine
 */
export function createLookUp(servers?: readonly string[]): LookUp {
  const resolver = new Resolver({ timeout: ONE_TRY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return async (hostname) => {
    if (isOwnName(hostname)) return lookup(hostname, { all: true });
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = [
      ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
      ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (addresses.length === 0 && four.status === 'rejected') throw four.reason;
    return addresses;
  };
}
