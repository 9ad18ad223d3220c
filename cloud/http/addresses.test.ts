import fc from 'fast-check';
import { expect, test } from 'vitest';
import { callerBlock, isWithin, parseCidr, plainAddress } from './addresses.ts';

test('OP-05 ranges of both kinds are read, and one address is a range of one', () => {
  for (const good of ['192.0.2.0/24', '10.0.0.0/8', '192.0.2.7', '0.0.0.0/0', '2001:db8::/32', '2001:db8::1', '::/0'])
    expect(parseCidr(good), good).not.toBeNull();
});

test('OP-05 a range that is written ambiguously is refused', () => {
  const bad = ['', 'x', '192.0.2.0/33', '192.0.2.0/', '192.0.2.0/024', '192.0.2.1/24', '192.0.2/24', '010.0.0.0/8'];
  for (const text of [...bad, '0x7f.1', '192.0.2.0/24/24', '2001:db8::1/32', 'fe80::1%eth0', '2001:db8::/129'])
    expect(parseCidr(text), text).toBeNull();
});

test('OP-05 an address is in its range however it is written, and not beside it', () => {
  expect(isWithin('192.0.2.255', ['192.0.2.0/24'])).toBe(true);
  expect(isWithin('192.0.3.0', ['192.0.2.0/24'])).toBe(false);
  expect(isWithin('::ffff:192.0.2.9', ['192.0.2.0/24'])).toBe(true);
  expect(isWithin('2001:DB8:7:0::1', ['2001:db8:7::/48'])).toBe(true);
  expect(isWithin('2001:db8:8::1', ['2001:db8:7::/48'])).toBe(false);
  expect(isWithin('192.0.2.1', ['::/0'])).toBe(false);
  expect(isWithin('::1', ['0.0.0.0/0'])).toBe(false);
});

test('OP-05 an IPv4 range that is written as IPv6 holds the addresses of that range', () => {
  for (const mapped of ['::ffff:192.0.2.0/120', '::FFFF:c000:200/120']) {
    expect(isWithin('192.0.2.9', [mapped]), mapped).toBe(true);
    expect(isWithin('::ffff:192.0.2.9', [mapped]), mapped).toBe(true);
    expect(isWithin('192.0.3.9', [mapped]), mapped).toBe(false);
  }
  expect(isWithin('192.0.2.7', ['::ffff:192.0.2.7'])).toBe(true);
  for (const unclear of ['::ffff:0:0/95', '::ffff:192.0.2.1/120']) expect(parseCidr(unclear), unclear).toBeNull();
});

test('OP-05 what is no address is in no range', () => {
  for (const text of ['', 'unknown', '192.0.2.1:443', '192.0.2.1, 192.0.2.2', '0300.0.2.1', 'fe80::1%eth0'])
    expect(isWithin(text, ['0.0.0.0/0', '::/0']), text).toBe(false);
  expect(plainAddress('192.0.2.1 ')).toBeNull();
});

test('OP-05 every address of a range is found, by bits and by the library alike', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.nat(32), fc.ipV4(), (base, bits, address) => {
      const number = (ip: string) => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
      const size = 2 ** (32 - bits);
      const network = Math.floor(number(base) / size) * size;
      const text = [24, 16, 8, 0].map((shift) => Math.floor(network / 2 ** shift) % 256).join('.');
      const inside = Math.floor(number(address) / size) * size === network;
      expect(isWithin(address, [`${text}/${bits}`])).toBe(inside);
    }),
  );
});

test('OP-08 an IPv6 customer is one caller, whichever of its addresses it uses', () => {
  expect(callerBlock('2001:db8:1:2::1')).toBe(callerBlock('2001:db8:1:2:ffff::9'));
  expect(callerBlock('2001:db8:1:2::1')).not.toBe(callerBlock('2001:db8:1:3::1'));
  expect(callerBlock('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(callerBlock('"><')).toBe('unreadable');
});
