import { expect, test } from 'vitest';
import { judgeUse, LEAST_PAST_WINDOWS, type PastUse, type PresentUse } from './judge-use.ts';

const now = (calls: PresentUse['calls'], sources = ['192.0.2.1']): PresentUse => ({ calls, sources });
const past: PastUse = {
  windows: LEAST_PAST_WINDOWS,
  mostCalls: 100,
  calls: { read: 900, control: 100 },
  sources: ['192.0.2.1'],
};
const kinds = (before: PastUse, present: PresentUse) => judgeUse(before, present).map(({ kind }) => kind);

test('OP-09 what a key always does is not unusual, and a key without a past is not judged', () => {
  expect(judgeUse(past, now({ read: 90, control: 10 }))).toEqual([]);
  const wild = now({ control: 9_000 }, ['203.0.113.1']);
  expect(judgeUse({ ...past, windows: LEAST_PAST_WINDOWS - 1 }, wild)).toEqual([]);
  expect(kinds(past, wild)).toEqual(['rate', 'source', 'pattern']);
});

test('OP-09 many times the busiest five minutes is unusual, a few calls of a quiet key are not', () => {
  expect(kinds(past, now({ read: 450, control: 50 }))).toEqual([]);
  expect(judgeUse(past, now({ read: 451, control: 50 }))).toEqual([
    { kind: 'rate', detail: '501 calls in five minutes, at most 100 before' },
  ]);
  const quiet = { ...past, mostCalls: 1 };
  expect(kinds(quiet, now({ read: 270, control: 30 }))).toEqual([]);
  expect(kinds(quiet, now({ read: 271, control: 30 }))).toEqual(['rate']);
});

test('OP-09 a place that it never called from is unusual, unless it calls from everywhere', () => {
  expect(kinds(past, now({ read: 1 }, ['192.0.2.1', '203.0.113.1']))).toEqual(['source']);
  const many = Array.from({ length: 21 }, (_, n) => `192.0.2.${n}`);
  expect(kinds({ ...past, sources: many }, now({ read: 1 }, ['203.0.113.1']))).toEqual([]);
  expect(kinds({ ...past, sources: many.slice(1) }, now({ read: 1 }, ['203.0.113.1']))).toEqual(['source']);
  const lots = Array.from({ length: 9 }, (_, n) => `203.0.113.${n}`);
  expect(judgeUse(past, now({ read: 1 }, lots))[0]?.detail).toContain('and 6 more');
});

test('OP-09 other calls than before are unusual: a key that reads begins to start charges', () => {
  expect(kinds(past, now({ read: 20, control: 29 }))).toEqual([]);
  expect(judgeUse(past, now({ read: 19, control: 41 }))).toEqual([
    { kind: 'pattern', detail: 'other calls than before: control 68 % instead of 10 %' },
  ]);
  expect(kinds(past, now({ read: 40, control: 60 }))).toEqual([]);
  expect(kinds(past, now({ read: 39, control: 61 }))).toEqual(['pattern']);
  expect(kinds(past, now({ settlement: 50 }))).toEqual(['pattern']);
});
