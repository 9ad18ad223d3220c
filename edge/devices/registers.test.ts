import { describe, expect, test } from 'vitest';
import { loadProfiles, packagedProfiles } from './load-profiles.ts';
import { readingOf } from './pile-driver.ts';
import type { Point, Profile } from './profile.ts';
import { decodePoint, encodeWrite, RegisterWords, rawLimit } from './registers.ts';

const point = (change: Partial<Point>): Point => ({
  fc: 3,
  address: 0,
  type: 'u16',
  wordOrder: 'high-first',
  multiply: 1,
  divide: 1,
  unit: 'none',
  ...change,
});

test.each<[string, Partial<Point>, number[], number | null]>([
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
  ['scaled up', { multiply: 100 }, [160], 16_000],
  ['scaled down, never rounded up', { divide: 10 }, [1999], 199],
  ['scaled down below zero, towards lower', { type: 'i16', divide: 10 }, [0xfff1], -2],
  ['a large product is exact', { type: 'u32', multiply: 1_000_000 }, [0xffff, 0xffff], 4_294_967_295_000_000],
  ['a high byte', { shift: 8, mask: 0xff }, [0x4301], 0x43],
  ['a low byte', { mask: 0xff }, [0x0143], 0x43],
  ['a bit field of 32', { type: 'u32', shift: 31, mask: 1 }, [0x8000, 0], 1],
  ['not available is null, never zero', { notAvailable: 0xffff }, [0xffff], null],
  ['not available of 32 bits', { type: 'u32', notAvailable: 0xffffffff }, [0xffff, 0xffff], null],
  ['not available is judged before the sign', { type: 'i16', notAvailable: 0x8000 }, [0x8000], null],
  ['zero is a value', { notAvailable: 0xffff }, [0], 0],
])('ED-02 %s', (_, change, words, value) => {
  expect(decodePoint(point(change), words)).toBe(value);
});

describe('ED-02 writes', () => {
  const write = { address: 7, multiply: 1, divide: 1 };

  test.each([
    ['a coil on', { ...write, fc: 5 as const, type: 'coil' as const }, 1, { fc: 5, address: 7, on: true }],
    ['a coil off', { ...write, fc: 5 as const, type: 'coil' as const }, 0, { fc: 5, address: 7, on: false }],
    ['one register', { ...write, fc: 6 as const, type: 'u16' as const }, 63_000, { fc: 6, address: 7, word: 63_000 }],
    [
      'one register by FC16',
      { ...write, fc: 16 as const, type: 'u16' as const },
      160,
      { fc: 16, address: 7, words: [160] },
    ],
    [
      'two registers, high word first',
      { ...write, fc: 16 as const, type: 'u32' as const },
      80_000,
      { fc: 16, address: 7, words: [1, 14_464] },
    ],
  ])('%s', (_, what, raw, request) => {
    expect(encodeWrite(what, raw)).toEqual(request);
  });

  test.each([
    [16_000, 100, 160],
    [6000, 100, 60],
    [6099, 100, 60],
    [15_999, 1000, 15],
    [16_000, 1, 16_000],
  ])('a limit of %i mA in steps of %i mA is %i: never rounded up', (limitMa, divide, raw) => {
    expect(rawLimit({ ...write, fc: 6, type: 'u16', divide }, limitMa)).toBe(raw);
  });
});

describe('a reading in the terms of the domain', () => {
  const profiles = loadProfiles(packagedProfiles);
  const profile = (name: string): Profile => {
    const found = profiles.get(name);
    if (found === undefined) throw new Error(name);
    return found;
  };
  const wordsFrom = (fc: 3 | 4, blocks: [number, number[]][]): RegisterWords => {
    const words = new RegisterWords();
    for (const [address, values] of blocks) words.add({ fc, address, count: values.length }, values);
    return words;
  };
  const heidelberg = (state: number, currents = [0, 0, 0]) =>
    readingOf(
      profile('heidelberg-energy-control'),
      wordsFrom(4, [[5, [state, ...currents, 412, 230, 231, 229, 1, 10_974, 0, 999, 1, 34_464]]]),
    );

  test('ED-02 Heidelberg, charging: the largest phase, tenths of a degree, the register that never resets', () => {
    expect(heidelberg(7, [159, 160, 158])).toEqual({
      status: 'charging',
      currentMa: 16_000,
      powerW: 10_974,
      temperatureDc: 412,
      registerWh: 100_000,
    });
  });

  test.each([
    [2, 'unplugged'],
    [3, 'unplugged'],
    [4, 'plugged'],
    [5, 'plugged'],
    [6, 'plugged'],
    [7, 'charging'],
    [8, 'charging'],
    [9, 'fault'],
    [10, 'plugged'],
    [11, 'fault'],
    [0, 'unknown'],
    [1, 'unknown'],
    [12, 'unknown'],
    [65_535, 'unknown'],
  ])('ED-05.o Heidelberg state %i is %s', (state, status) => {
    expect(heidelberg(state).status).toBe(status);
  });

  test.each([
    [1, 0, 'unplugged'],
    [1, 3, 'unplugged'],
    [1, 5, 'plugged'],
    [2, 7, 'plugged'],
    [3, 7, 'charging'],
    [4, 7, 'fault'],
    [4, 0, 'fault'],
    [5, 7, 'plugged'],
    [6, 7, 'unknown'],
  ])('ED-05.o KEBA state %i with cable %i is %s', (state, cable, status) => {
    const words = wordsFrom(3, [
      [1000, [0, state]],
      [1004, [0, cable]],
      [1008, [0, 0, 0, 0, 0, 0]],
      [1020, [0xa8, 0x4a80]],
      [1036, [0x000f, 0x4249]],
    ]);
    const reading = readingOf(profile('keba-p30'), words);
    expect(reading).toMatchObject({ status, currentMa: 0, powerW: 11_029, registerWh: 100_000, temperatureDc: null });
  });

  test('a phase that is not told makes the current unknown: null is not zero', () => {
    const words = wordsFrom(4, [[5, [7, 160, 160]]]);
    expect(readingOf(profile('heidelberg-energy-control'), words)).toMatchObject({ currentMa: null, registerWh: null });
  });

  test.each([
    [0x8000_0000, true],
    [0x0000_0001, false],
  ])('ED-05.o a fault in the highest of 32 bits is seen: %i', (value, isFault) => {
    const base = profile('keba-p30');
    const bitProfile: Profile = {
      ...base,
      state: [
        { when: [{ point: 'state', bits: 0x8000_0000, equals: 0x8000_0000 }], is: 'fault' },
        { when: [{ point: 'state', bits: 1, equals: 1 }], is: 'plugged' },
      ],
    };
    const words = wordsFrom(3, [[1000, [Math.floor(value / 0x10000), value % 0x10000]]]);
    expect(readingOf(bitProfile, words).status).toBe(isFault ? 'fault' : 'plugged');
  });
});
