import { expect, test } from 'vitest';
import type { Keyset } from '../http/cursor.ts';
import { pageOfReading, type ReadingRange } from './changes.ts';

const key = (atMs: number): Keyset => ({ atMs, id: `s${atMs}` });
const range = (change: Partial<ReadingRange>): ReadingRange => ({
  fromMs: 0,
  toMs: 1_000,
  after: null,
  ahead: null,
  limit: 2,
  ...change,
});
const pageOf = (times: number[], change: Partial<ReadingRange>, settledMs: number) => {
  const { after, ahead, more } = pageOfReading(times.map(key), range(change), settledMs, (row) => row);
  return { after: after?.atMs ?? null, ahead: ahead?.atMs ?? null, more };
};

test.each([
  ['what is settled is read', [10, 20, 30], {}, 100, { after: 20, ahead: null, more: true }],
  ['a page ends behind what is settled', [10, 100, 110], {}, 100, { after: 10, ahead: 100, more: true }],
  ['a reading ends with what is settled', [10, 20], {}, 100, { after: 20, ahead: null, more: false }],
  ['a reading ends behind what is settled', [10, 100], {}, 100, { after: 10, ahead: null, more: false }],
  ['a reading has come to nothing', [], { after: key(9) }, 100, { after: 9, ahead: null, more: false }],
])('OP-10 the place behind a page: %s', (_, times, change, settledMs, expected) => {
  expect(pageOf(times, change, settledMs)).toEqual(expected);
});

test('OP-10 a reading that has gone ahead goes on from there, and the next one from where it left what was settled, whatever is settled by now', () => {
  const gone = { after: key(10), ahead: key(110) };
  expect(pageOf([120, 130, 140], gone, 500)).toEqual({ after: 10, ahead: 130, more: true });
  expect(pageOf([120], gone, 500)).toEqual({ after: 10, ahead: null, more: false });
});
