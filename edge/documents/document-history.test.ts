import { describe, expect, test } from 'vitest';
import {
  activeIn,
  changeBetween,
  type DocumentHistory,
  formerIn,
  MAX_DOCUMENT_VERSIONS,
  withActive,
  withLeft,
  withProven,
  withTrial,
  withWaiting,
} from './document-history.ts';
import { standing, stored } from './testing.ts';

const taken = (...versions: number[]): DocumentHistory =>
  versions.reduce<DocumentHistory>((history, version) => withActive(history, stored(version)), []);

describe('ED-15 one version of each kind is in force', () => {
  test('a new one makes the one before a former one', () => {
    expect(standing(taken(1, 2, 3))).toBe('3 active, 2 former, 1 former');
  });

  test('going back leaves the later one, and going back again passes it over', () => {
    const back = withActive(taken(1, 2, 3), stored(2));
    expect(standing(back)).toBe('3 rolled-back, 2 active, 1 former');
    expect(formerIn(back)?.version).toBe(1);
    const newer = withActive(back, stored(4));
    expect(standing(newer)).toBe('4 active, 3 rolled-back, 2 former, 1 former');
    expect(formerIn(newer)?.version).toBe(2);
  });

  test('the first version has none to go back to', () => {
    expect(formerIn(taken(1))).toBeNull();
  });
});

describe('ED-15 a version that is tried leaves the good one where it is until it is proven', () => {
  const waiting = withWaiting(taken(1), stored(2), 'A-1 charges');
  const tried = withTrial(waiting, 2, null);

  test('it waits, and is tried', () => {
    expect(standing(waiting)).toBe('2 waiting, 1 active');
    expect(waiting[0]?.reason).toBe('A-1 charges');
    expect(standing(tried)).toBe('2 trying, 1 active');
  });

  test('proven it is in force; failed it is left, with the reason', () => {
    expect(standing(withProven(tried, 2))).toBe('2 active, 1 former');
    const failed = withLeft(tried, 2, 'rolled-back', 'line L1 does not open');
    expect(standing(failed)).toBe('2 rolled-back, 1 active');
    expect(failed[0]?.reason).toBe('line L1 does not open');
    expect(failed[0]?.trial).toBeNull();
  });

  test('another that comes while one waits takes its place', () => {
    expect(standing(withWaiting(waiting, stored(3), null))).toBe('3 waiting, 2 withdrawn, 1 active');
    expect(standing(withWaiting(tried, stored(3), null))).toBe('3 waiting, 2 withdrawn, 1 active');
  });

  test('a former one that is proven again leaves the one above it', () => {
    const good = withProven(tried, 2);
    const again = withTrial(withWaiting(good, stored(1), null), 1, null);
    expect(standing(again)).toBe('2 active, 1 trying');
    expect(standing(withProven(again, 1))).toBe('2 rolled-back, 1 active');
  });
});

describe('ED-11 what is kept is bounded', () => {
  test('the newest ten, and beside them what is in use and what last came from a file', () => {
    const first = withActive([], stored(1, { source: 'file' }));
    const many = Array.from({ length: 20 }, (_, i) => i + 2).reduce<DocumentHistory>(
      (history, version) => withWaiting(history, stored(version), null),
      first,
    );
    expect(many).toHaveLength(MAX_DOCUMENT_VERSIONS + 1);
    expect(activeIn(many)?.version).toBe(1);
    const later = Array.from({ length: 20 }, (_, i) => i + 22).reduce<DocumentHistory>(
      (history, version) => withActive(history, stored(version)),
      many,
    );
    expect(later.map(({ version }) => version)).toEqual([41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 1]);
  });

  test('of a change only what differs is written', () => {
    const before = taken(1, 2);
    const after = withActive(before, stored(3));
    const { put, drop } = changeBetween('tariffs', before, after);
    expect([put.map(({ version }) => version), drop]).toEqual([[3, 2], []]);
    expect(changeBetween('tariffs', after, [stored(3)]).drop).toEqual([2, 1]);
  });
});
