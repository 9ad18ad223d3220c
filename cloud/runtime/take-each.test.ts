import { expect, test } from 'vitest';
import { takeEach } from './take-each.ts';

/** @returns what was done, in its order */
async function round(items: readonly number[], bad: readonly number[]) {
  const done: number[] = [];
  const taken = takeEach(items, async (item) => {
    await Promise.resolve();
    if (bad.includes(item)) throw new Error(`bad ${item}`);
    done.push(item);
  });
  const failure: unknown = await taken.then(
    () => null,
    (error: unknown) => error,
  );
  return { done, failure };
}

test('OP-15 what fails keeps nothing behind it from its turn, and the round fails at its end', async () => {
  expect(await round([1, 2, 3], [])).toEqual({ done: [1, 2, 3], failure: null });
  expect(await round([1, 2, 3], [1])).toEqual({ done: [2, 3], failure: new Error('bad 1') });
  const { done, failure } = await round([1, 2, 3], [1, 3]);
  expect(done).toEqual([2]);
  expect(failure).toBeInstanceOf(AggregateError);
  expect(failure).toMatchObject({ message: '2 of 3 failed', errors: [new Error('bad 1'), new Error('bad 3')] });
});
