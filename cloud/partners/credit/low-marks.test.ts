import { expect, test } from 'vitest';
import { newMark, toldAfter } from './low-marks.ts';

test('OP-28 of the marks that are fallen through the lowest is told, and none twice', () => {
  expect(newMark([100, 500], null, 500)).toBeNull();
  expect(newMark([100, 500], null, 499)).toBe(500);
  expect(newMark([100, 500], 500, 100)).toBeNull();
  expect(newMark([100, 500], 500, 99)).toBe(100);
  expect(newMark([100, 500], null, -1)).toBe(100);
  expect(newMark([100, 500], 100, -1)).toBeNull();
  expect(newMark([], null, -1)).toBeNull();
});

test('OP-28 what money lifts above a mark is told anew at the next fall, and no other', () => {
  expect(toldAfter([100, 500], 100, 99)).toBe(100);
  expect(toldAfter([100, 500], 100, 100)).toBe(500);
  expect(toldAfter([100, 500], 100, 500)).toBeNull();
  expect(toldAfter([100, 500], 500, 50)).toBe(500);
  expect(toldAfter([100, 500], 100, null)).toBeNull();
});
