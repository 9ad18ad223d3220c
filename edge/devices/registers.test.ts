import { describe, expect, test } from 'vitest';
import type { PointValue } from './profile/condition.ts';
import type { Point } from './profile/point.ts';
import type { Write } from './profile/write.ts';
import { addressOf, decodePoint, encodeWrite, RegisterWords, rawLimit, unitOf } from './registers.ts';

const point = (change: Partial<Point>): Point => ({
  fc: 3,
  address: 0,
  type: 'u16',
  wordOrder: 'high-first',
  multiply: 1,
  divide: 1,
  unit: 'none',
  optional: false,
  read: 'poll',
  wholeDevice: false,
  ...change,
});

test.each<[string, Partial<Point>, number[], PointValue]>([
  ['u16', {}, [0xffff], 65_535],
  ['i16 below zero', { type: 'i16' }, [0xffff], -1],
  ['i16 lowest', { type: 'i16' }, [0x8000], -32_768],
  ['u32 high word first', { type: 'u32' }, [0x0001, 0x0002], 65_538],
  ['u32 low word first', { type: 'u32', wordOrder: 'low-first' }, [0x0002, 0x0001], 65_538],
  ['u32 highest', { type: 'u32' }, [0xffff, 0xffff], 4_294_967_295],
  ['i32 below zero', { type: 'i32' }, [0xffff, 0xfffe], -2],
  ['i32 low word first', { type: 'i32', wordOrder: 'low-first' }, [0xfffe, 0xffff], -2],
  ['u64', { type: 'u64' }, [0, 1, 0, 2], 4_294_967_298],
  ['u64 low word first', { type: 'u64', wordOrder: 'low-first' }, [2, 0, 1, 0], 4_294_967_298],
  ['u64 beyond what a number can hold exactly', { type: 'u64' }, [0xffff, 0, 0, 0], null],
  ['i64 below zero', { type: 'i64' }, [0xffff, 0xffff, 0xffff, 0xfff0], -16],
  ['scaled up', { multiply: 100 }, [160], 16_000],
  ['scaled down, never rounded up', { divide: 10 }, [1999], 199],
  ['scaled down below zero, towards lower', { type: 'i16', divide: 10 }, [0xfff1], -2],
  ['a large product is exact', { type: 'u32', multiply: 1_000_000 }, [0xffff, 0xffff], 4_294_967_295_000_000],
  ['a high byte', { shift: 8, mask: 0xff }, [0x4301], 0x43],
  ['a low byte', { mask: 0xff }, [0x0143], 0x43],
  ['a bit field of 32', { type: 'u32', shift: 31, mask: 1 }, [0x8000, 0], 1],
  ['not available is null, never zero', { notAvailable: [0xffff] }, [0xffff], null],
  ['not available of 32 bits', { type: 'u32', notAvailable: [0xffffffff] }, [0xffff, 0xffff], null],
  ['not available is judged before the sign', { type: 'i16', notAvailable: [0x7fff, 0x8000] }, [0x8000], null],
  ['zero is a value', { notAvailable: [0xffff] }, [0], 0],
  ['a bit', { fc: 1, type: 'bit' }, [1], 1],
  // Alfen, seen on a real box: 302 806 Wh.
  ['f64', { type: 'f64' }, [0x4112, 0x7b58, 0, 0], 302_806],
  // Schneider, seen on a real box: 10.937 kW.
  ['f32 low word first', { type: 'f32', wordOrder: 'low-first', multiply: 1000 }, [0xfec6, 0x412e], 10_937],
  ['f32, rounded to the nearest', { type: 'f32' }, [0x3fc0, 0], 2],
  ['f32 not a number', { type: 'f32' }, [0x7fc0, 0], null],
  ['f32 infinite', { type: 'f32' }, [0x7f80, 0], null],
  ['text, cut at its end', { type: 'ascii', words: 3 }, [0x4231, 0, 0x4242], 'B1'],
  ['text of full length', { type: 'ascii', words: 1 }, [0x4332], 'C2'],
  ['text padded with blanks', { type: 'ascii', words: 2 }, [0x4120, 0x2020], 'A'],
  ['no text is null', { type: 'ascii', words: 1 }, [0], null],
  ['text of two bytes a letter', { type: 'utf16', words: 3 }, [0x76, 0x33, 0], 'v3'],
])('ED-02 %s', (_, change, words, value) => {
  expect(decodePoint(point(change), words)).toBe(value);
});

const write = (change: Partial<Write>): Write => ({
  fc: 6,
  address: 7,
  type: 'u16',
  wordOrder: 'high-first',
  multiply: 1,
  divide: 1,
  wholeDevice: false,
  ...change,
});
const place = { unit: 1, offset: 0 };

describe('ED-02 writes', () => {
  test.each<[string, Partial<Write>, number, object]>([
    ['a coil on', { fc: 5, type: 'coil' }, 1, { fc: 5, address: 7, on: true }],
    ['a coil off', { fc: 5, type: 'coil' }, 0, { fc: 5, address: 7, on: false }],
    ['one register', {}, 63_000, { fc: 6, address: 7, word: 63_000 }],
    ['one register by function 16', { fc: 16 }, 160, { fc: 16, address: 7, words: [160] }],
    ['two registers, high word first', { fc: 16, type: 'u32' }, 80_000, { fc: 16, address: 7, words: [1, 14_464] }],
    [
      'two registers, low word first',
      { fc: 16, type: 'u32', wordOrder: 'low-first' },
      80_000,
      { fc: 16, address: 7, words: [14_464, 1] },
    ],
    ['a float', { fc: 16, type: 'f32' }, 16, { fc: 16, address: 7, words: [0x4180, 0] }],
  ])('%s', (_, what, raw, request) => {
    expect(encodeWrite(write(what), raw, place)).toEqual(request);
  });

  test.each<[number, Partial<Write>, number, number]>([
    [16_000, { divide: 100 }, 100, 160],
    [6000, { divide: 100 }, 100, 60],
    [6099, { divide: 100 }, 100, 60],
    [15_999, { divide: 1000 }, 1000, 15],
    [16_000, {}, 1, 16_000],
    [13_499, { type: 'f32', divide: 1000 }, 100, 13.4],
    [16_000, { type: 'f32', divide: 1000 }, 1000, 16],
  ])('a limit of %i mA by %o in steps of %i mA is %d: never rounded up', (limitMa, what, stepMa, raw) => {
    expect(rawLimit(write(what), limitMa, stepMa)).toBe(raw);
  });
});

describe('ED-02 sockets of one device', () => {
  const socket3 = { unit: 9, offset: 3000 };

  test('an address moves with the socket, one of the whole device does not', () => {
    expect(addressOf(point({ address: 299 }), socket3)).toBe(3299);
    expect(addressOf(point({ address: 100, wholeDevice: true }), socket3)).toBe(100);
    expect(encodeWrite(write({ fc: 16, address: 301 }), 16, socket3)).toEqual({ fc: 16, address: 3301, words: [16] });
  });

  test('a point may be at another unit, and its words are not those of the socket', () => {
    const station = point({ address: 157, unitId: 200, wholeDevice: true });
    expect([unitOf(station, socket3), unitOf(point({}), socket3)]).toEqual([200, 9]);
    const words = new RegisterWords();
    words.add(9, { fc: 3, address: 157, count: 1 }, [1]);
    expect(words.get(station, socket3)).toBeNull();
    words.add(200, { fc: 3, address: 157, count: 1 }, [2]);
    expect(words.get(station, socket3)).toEqual([2]);
  });

  test('a value of which a word was not read is none', () => {
    const words = new RegisterWords();
    words.add(1, { fc: 3, address: 0, count: 1 }, [1]);
    expect(words.get(point({ type: 'u32' }), place)).toBeNull();
    expect(words.get(point({ fc: 4 }), place)).toBeNull();
  });
});
