import { expect, test } from 'vitest';
import { createGroup } from './group.ts';

test('XC-12 what comes while something is under way is done together, up to the limit, and each gets its own answer', async () => {
  const groups: number[][] = [];
  const double = createGroup<number, number>(3, async (items) => {
    groups.push([...items]);
    await Promise.resolve();
    return items.map((item) => item * 2);
  });
  expect(await Promise.all([1, 2, 3, 4, 5].map(double))).toEqual([2, 4, 6, 8, 10]);
  expect(groups).toEqual([[1], [2, 3, 4], [5]]);
  expect(await double(6)).toBe(12);
});

test('XC-12 one that fails takes none of the others with it', async () => {
  const invert = createGroup<number, number>(10, (items) =>
    items.includes(0)
      ? Promise.reject(new RangeError('nothing inverts 0'))
      : Promise.resolve(items.map((item) => 1 / item)),
  );
  const answers = await Promise.allSettled([1, 2, 0, 4].map(invert));
  expect(answers).toMatchObject([{ value: 1 }, { value: 0.5 }, { status: 'rejected' }, { value: 0.25 }]);
});
