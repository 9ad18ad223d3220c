import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fill, type Rising } from './fill.ts';

const rising = (cells: number[], change: Partial<Rising> = {}): Rising => ({
  cells,
  drawPermille: 1000,
  fromMa: 6000,
  toMa: 32_000,
  ...change,
});

test('ED-14 what is left is shared evenly; who wants less leaves the rest to the others', () => {
  const room = [30_000_000];
  const levels = fill([rising([0]), rising([0], { toMa: 10_000 }), rising([0])], room);
  // Each has 6 A already: 30 A are left. One takes 4 more, the others 13 each.
  expect(levels).toEqual([
    { ma: 19_000, boundBy: 0 },
    { ma: 10_000, boundBy: null },
    { ma: 19_000, boundBy: 0 },
  ]);
  expect(room).toEqual([0]);
});

test('ED-14 who is held by a full feeder leaves the rest of the supply to the others', () => {
  // Cell 0 is the supply, cell 1 a feeder that two of three hang at.
  const room = [40_000_000, 4_000_000];
  expect(fill([rising([1, 0]), rising([1, 0]), rising([0])], room)).toEqual([
    { ma: 8000, boundBy: 1 },
    { ma: 8000, boundBy: 1 },
    { ma: 32_000, boundBy: null },
  ]);
  expect(room).toEqual([10_000_000, 0]);
});

test('ED-14 a DC pile takes more of a phase than its limit says where the voltage is low', () => {
  expect(fill([rising([0], { drawPermille: 1200 }), rising([0])], [22_000_000])).toEqual([
    { ma: 16_000, boundBy: 0 },
    { ma: 16_000, boundBy: 0 },
  ]);
});

test('ED-14 one that does not obey is worth no more than its neighbours, and they share what it leaves', () => {
  const stuck = rising([0], { fromMa: 20_000 });
  expect(fill([stuck, rising([0])], [2_000_000])).toEqual([
    { ma: 8000, boundBy: 0 },
    { ma: 8000, boundBy: 0 },
  ]);
});

test('ED-14 nothing is overfilled, and nobody could have more without taking it from one who has no more', () => {
  const cells = fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 });
  const one = fc
    .record({
      cells,
      drawPermille: fc.constantFrom(1000, 1112),
      fromMa: fc.constantFrom(6000, 6000, 9000, 20_000),
      more: fc.nat(30_000),
    })
    .map(({ more, ...rest }) => ({ ...rest, toMa: rest.fromMa + more }));
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 12 }),
      fc.array(fc.nat(90_000_000), { minLength: 6, maxLength: 6 }),
      (all, room) => {
        const left = [...room];
        const levels = fill(all, left);
        const used = room.map((whole, cell) =>
          all.reduce((rest, { cells: own, drawPermille, fromMa }, i) => {
            const moreMa = Math.max(0, (levels[i]?.ma ?? 0) - fromMa);
            return own.includes(cell) ? rest - moreMa * drawPermille : rest;
          }, whole),
        );
        expect(used).toEqual(left);
        expect(Math.min(...left)).toBeGreaterThanOrEqual(0);
        for (const [i, { ma, boundBy }] of levels.entries()) {
          if (boundBy === null) {
            expect(ma).toBe(all[i]?.toMa);
            continue;
          }
          const neighbours = all.flatMap((other, j) =>
            other.cells.includes(boundBy) ? [{ other, level: levels[j] }] : [],
          );
          const slope = neighbours.reduce((sum, { other }) => sum + other.drawPermille, 0);
          expect(left[boundBy]).toBeLessThan(slope);
          for (const { other, level } of neighbours)
            expect(level?.ma ?? 0).toBeLessThanOrEqual(Math.max(ma, other.fromMa));
        }
      },
    ),
    { numRuns: 500 },
  );
});
