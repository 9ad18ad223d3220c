import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A range of addresses, and how many leading bits of it are given. */
export type Cidr = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Bits in front of an IPv4 address that is written as IPv6. */
const MAPPED_BITS = 96;

/** One customer of an IPv6 provider has at least this much to himself: it counts as one caller. */
const IPV6_CALLER_BITS = 64;

/**
 * The canonical form of an address, with an IPv4 address that came as IPv6 in its own; null: not an address. Only what
 * the system calls one: no octal numbers, no missing parts, no zone.
 */
export function plainAddress(text: string): string | null {
  return isIP(text) === 0 || text.includes('%') ? null : ipaddr.process(text).toString();
}

/**
 * Reads `192.0.2.0/24`, `2001:db8::/32`, or one address. One of IPv4 that is written as IPv6 is one of IPv4, as it is of a caller.
 *
 * @returns null when it is no such thing, or has bits set behind its prefix, which is mostly a mistake
 */
export function parseCidr(text: string): Cidr | null {
  const [address = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || isIP(address) === 0 || address.includes('%')) return null;
  const written = ipaddr.parse(address);
  const parsed = ipaddr.process(address);
  const width = written.kind() === 'ipv4' ? 32 : 128;
  if (bits !== undefined && (!/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > width)) return null;
  const length = Number(bits ?? width) - (written.kind() === parsed.kind() ? 0 : MAPPED_BITS);
  if (length < 0) return null;
  const range = `${parsed.toString()}/${length}`;
  const network =
    parsed.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range);
  return network.toString() === parsed.toString() ? [parsed, length] : null;
}

/** Whether an address is in one of the ranges; what cannot be read is in none. */
export function isWithin(address: string, ranges: readonly string[]): boolean {
  const plain = plainAddress(address);
  if (plain === null) return false;
  const parsed = ipaddr.parse(plain);
  return ranges.some((text) => {
    const cidr = parseCidr(text);
    return cidr !== null && cidr[0].kind() === parsed.kind() && parsed.match(cidr);
  });
}

/** By what a caller is known who has not said who it is: its address, or the IPv6 network that is its own. */
export function callerBlock(address: string): string {
  const plain = plainAddress(address);
  if (plain === null) return 'unreadable';
  if (isIP(plain) === 4) return plain;
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${plain}/${IPV6_CALLER_BITS}`).toString()}/${IPV6_CALLER_BITS}`;
}
