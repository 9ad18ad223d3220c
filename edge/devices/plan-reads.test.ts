import { describe, expect, test } from 'vitest';
import { loadProfiles, packagedProfiles } from './load-profiles.ts';
import { type BlockRead, planReads, type ReadLimits, splitBlock } from './plan-reads.ts';
import { type Point, pointSchema } from './profile/point.ts';

const place = { unit: 1, offset: 0 };
const text = ({ unit, request: { fc, address, count } }: BlockRead) => `unit ${unit}, ${fc}: ${address}+${count}`;
const point = (address: number, change: object = {}): Point =>
  pointSchema.parse({ fc: 3, address, type: 'u16', unit: 'none', ...change });
const planOf = (points: Point[], limits: Partial<ReadLimits> = {}, at = place) =>
  planReads(points, { maxReadRegisters: 125, maxReadGap: 0, forbidden: [], ...limits }, at).map(text);

describe('ED-04 neighbouring registers are read in one request', () => {
  test('in any order, of one function and one unit', () => {
    const points = [point(12), point(10, { type: 'u32' }), point(11, { fc: 4 }), point(13, { unitId: 200 })];
    expect(planOf(points)).toEqual(['unit 1, 3: 10+3', 'unit 1, 4: 11+1', 'unit 200, 3: 13+1']);
    expect(planOf([point(10), point(11, { unitId: 200 })])).toEqual(['unit 1, 3: 10+1', 'unit 200, 3: 11+1']);
  });

  test('a hole is bridged only as far as the device allows', () => {
    const points = [point(10), point(12), point(16)];
    expect(planOf(points)).toEqual(['unit 1, 3: 10+1', 'unit 1, 3: 12+1', 'unit 1, 3: 16+1']);
    expect(planOf(points, { maxReadGap: 1 })).toEqual(['unit 1, 3: 10+3', 'unit 1, 3: 16+1']);
    expect(planOf(points, { maxReadGap: 3 })).toEqual(['unit 1, 3: 10+7']);
  });

  test('no read is longer than the device takes', () => {
    expect(planOf([point(0), point(1), point(2), point(3)], { maxReadRegisters: 3 })).toEqual([
      'unit 1, 3: 0+3',
      'unit 1, 3: 3+1',
    ]);
  });

  test.each([
    [730, 749],
    [735, 735],
  ])('no read passes over the forbidden %i to %i, but up to them', (from, to) => {
    const points = [point(720, { type: 'ascii', words: 10 }), point(750)];
    expect(planOf(points, { maxReadGap: 50, forbidden: [[from, to]] })).toEqual([
      'unit 1, 3: 720+10',
      'unit 1, 3: 750+1',
    ]);
    expect(planOf(points, { maxReadGap: 50, forbidden: [[751, 760]] })).toEqual(['unit 1, 3: 720+31']);
  });

  test("a socket's addresses move, those of the whole device stay", () => {
    const points = [point(100, { wholeDevice: true }), point(299), point(300)];
    expect(planOf(points, {}, { unit: 1, offset: 2000 })).toEqual(['unit 1, 3: 100+1', 'unit 1, 3: 2299+2']);
  });

  test('a refused block is halved down to its points', () => {
    const [block] = planReads(
      [point(10), point(11, { type: 'u32' }), point(15)],
      { maxReadRegisters: 125, maxReadGap: 5, forbidden: [] },
      place,
    );
    if (block === undefined) throw new Error('no block');
    expect(text(block)).toBe('unit 1, 3: 10+6');
    const halves = splitBlock(block, place) ?? [];
    expect(halves.map(text)).toEqual(['unit 1, 3: 10+3', 'unit 1, 3: 15+1']);
    expect(halves.flatMap((half) => splitBlock(half, place) ?? []).map(text)).toEqual([
      'unit 1, 3: 10+1',
      'unit 1, 3: 11+2',
    ]);
  });
});

describe('ED-04 what a poll of each model asks for', () => {
  const profiles = loadProfiles(packagedProfiles);
  test.each<[string, number, string[]]>([
    ['abb-terra-ac', 0, ['unit 1, 3: 16392+24']],
    ['alfen-ng9xx', 0, ['unit 1, 3: 306+40', 'unit 1, 3: 374+4', 'unit 1, 3: 1201+7']],
    ['bender-cc612', 0, ['104+9', '122+1', '140+1', '212+16', '1000+1'].map((range) => `unit 1, 3: ${range}`)],
    ['chint-dtsu666', 0, ['unit 1, 3: 4126+2', 'unit 1, 3: 8198+14']],
    ['eastron-sdm630', 0, ['unit 1, 4: 0+10', 'unit 1, 4: 10+2', 'unit 1, 4: 52+2', 'unit 1, 4: 72+2']],
    ['heidelberg-energy-control', 0, ['unit 1, 3: 259+1', 'unit 1, 4: 5+14']],
    [
      'keba-p30',
      0,
      [1000, 1004, 1006, 1008, 1010, 1012, 1020, 1036, 1040, 1042, 1044, 1100].map(
        (address) => `unit 1, 3: ${address}+2`,
      ),
    ],
    ['phoenix-charx-sec', 2000, ['unit 1, 3: 2232+14', 'unit 1, 3: 2250+4', 'unit 1, 3: 2299+3']],
    ['phoenix-em-cp-pp-eth', 0, ['unit 1, 1: 400+1', 'unit 1, 4: 100+1', 'unit 1, 4: 107+15', 'unit 1, 4: 128+2']],
    [
      'schneider-evlink-pro-ac',
      0,
      ['1+1', '2999+6', '3027+6', '3059+2', '3203+4', '4004+1', '4020+4'].map((range) => `unit 1, 3: ${range}`),
    ],
    ['tinkerforge-warp', 0, ['unit 1, 3: 1002+2', 'unit 1, 4: 1002+2', 'unit 1, 4: 2002+4', 'unit 1, 4: 2100+12']],
  ])('%s', (profileId, offset, plan) => {
    const profile = profiles.get(profileId);
    if (profile === undefined || !('points' in profile) || !('maxReadGap' in profile)) throw new Error(profileId);
    const polled = Object.values(profile.points).filter(({ read }) => read === 'poll');
    expect(planReads(polled, profile, { unit: 1, offset }).map(text)).toEqual(plan);
  });
});
