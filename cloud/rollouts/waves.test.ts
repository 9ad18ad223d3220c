import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Wave, wavesOfSites } from './waves.ts';

test.each<[readonly Wave[], number, number[]]>([
  [[{ sites: 2 }, { percent: 50 }, { percent: 100 }], 10, [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]],
  [[{ percent: 1 }, { percent: 100 }], 3, [0, 1, 1]],
  [[{ sites: 1 }, { sites: 2 }], 3, [0, 1, 1]],
  [[{ percent: 100 }], 1, [0]],
])('SY-07 waves %j of %i sites', (waves, sites, expected) => {
  expect(wavesOfSites(waves, sites)).toEqual(expected);
});

test.each<[string, readonly Wave[], number]>([
  ['too few', [{ sites: 2 }, { percent: 50 }], 10],
  ['too many', [{ sites: 11 }], 10],
  ['a wave that has none', [{ sites: 5 }, { percent: 50 }, { percent: 100 }], 10],
])('XC-08 %s are refused', (_, waves, sites) => {
  expect(() => wavesOfSites(waves, sites)).toThrow(/request.invalid/);
});

test('SY-07 every site is in one wave, waves are in order, and none is empty', () => {
  const wave = fc.oneof(
    fc.record({ sites: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
  );
  fc.assert(
    fc.property(fc.array(wave, { maxLength: 4 }), fc.integer({ min: 1, max: 100 }), (some, sites) => {
      const waves: Wave[] = [...some, { percent: 100 }];
      let ofSites: number[];
      try {
        ofSites = wavesOfSites(waves, sites);
      } catch {
        return;
      }
      expect(ofSites).toHaveLength(sites);
      expect(ofSites).toEqual(ofSites.toSorted((a, b) => a - b));
      expect(new Set(ofSites).size).toBe(waves.length);
    }),
  );
});
