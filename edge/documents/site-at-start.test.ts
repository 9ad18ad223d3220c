import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSite, type SiteConfig } from '../config/site.ts';
import { richSite } from '../config/testing-broken-sites.ts';
import {
  type DocumentHistory,
  documentDigest,
  withLeft,
  withProven,
  withTrial,
  withWaiting,
} from './document-history.ts';
import { MOST_STARTS, type SiteCheck, type SiteFound, siteAtStart } from './site-at-start.ts';
import { at, standing, stored } from './testing.ts';

interface Checked {
  readonly site: SiteConfig;
}

/** A configuration whose text tells it apart; `broken` is refused. */
const textOf = (supplyLimitMa: number, change: object = {}) =>
  JSON.stringify({ ...richSite, supplyLimitMa, ...change });
const check: SiteCheck<Checked> = (text, name) =>
  text.includes('broken')
    ? { kind: 'refused', reason: `${name}: broken`, complaints: [] }
    : { kind: 'good', checked: { site: readSite(text, 'site.json', name).site } };

const A = textOf(100_000);
const B = textOf(101_000);
const C = textOf(102_000);
const lineChanged = textOf(100_000, {
  lines: richSite.lines.map((line) => (line.lineId === 'box2' ? { ...line, port: 503 } : line)),
});
const broken = 'broken';

const begin = (history: DocumentHistory, file: string | null, change: Partial<SiteFound<Checked>> = {}) =>
  siteAtStart({
    history,
    file: file === null ? null : { path: 'site.json', text: file },
    startsOf: () => 0,
    charging: new Set(),
    check,
    checkAgain: check,
    at,
    ...change,
  });
const row = (version: number, text: string, change: object = {}) =>
  stored(version, { kind: 'site', text, digest: documentDigest(text), source: 'cloud', ...change });
const first = begin([], A)?.history ?? [];
const pushed = withWaiting(first, row(2, B), null);
const trying = withTrial(pushed, 2, null);
const provenB = withProven(trying, 2);

const told = (start: ReturnType<typeof begin>) => [
  start?.version,
  start?.isTrial,
  standing(start?.history ?? []),
  start?.refused.length,
];

describe('ED-15 what a process begins with', () => {
  test.each<[string, DocumentHistory, string | null, unknown[]]>([
    ['the first start: the file is version 1, and in force', [], A, [1, false, '1 active', 0]],
    ['a later start: the same file changes nothing', first, A, [1, false, '1 active', 0]],
    ['an edited file is tried', first, B, [2, true, '2 trying, 1 active', 0]],
    ['a push is not undone by the old file', provenB, A, [2, false, '2 active, 1 former', 0]],
    ['a version on trial is gone on with', trying, A, [2, true, '2 trying, 1 active', 0]],
    ['one that waits, for nothing, is tried', pushed, A, [2, true, '2 trying, 1 active', 0]],
    ['a file edited while another is tried goes before it', trying, C, [3, true, '3 trying, 2 withdrawn, 1 active', 0]],
    ['a broken file is passed over', provenB, broken, [2, false, '2 active, 1 former', 1]],
    ['a file that cannot be read is passed over', provenB, null, [2, false, '2 active, 1 former', 0]],
    [
      'one that was left is not taken from the same file again',
      withLeft(begin(first, B)?.history ?? [], 2, 'rolled-back', 'x'),
      B,
      [1, false, '2 rolled-back, 1 active', 0],
    ],
    [
      'one that was left is taken when the file was changed in between',
      withLeft(begin(first, B)?.history ?? [], 2, 'rolled-back', 'x'),
      A,
      [3, true, '3 trying, 2 rolled-back, 1 active', 0],
    ],
  ])('%s', (_, history, file, expected) => {
    expect(told(begin(history, file))).toEqual(expected);
  });

  test('nothing good: nothing is begun', () => {
    expect(begin([], broken)).toBeNull();
    expect(begin([], null)).toBeNull();
  });

  test('one that this software cannot read is passed over for the last good one', () => {
    const history = provenB.map((one) => (one.version === 2 ? { ...one, text: broken } : one));
    expect(told(begin(history, A))).toEqual([1, false, '2 active, 1 former', 1]);
  });

  test('one that changes a line waits while something on it charges, also over a restart', () => {
    const waiting = withWaiting(first, row(2, lineChanged), 'x');
    expect(told(begin(waiting, A, { charging: new Set(['EAST-B1']) }))).toEqual([1, false, '2 waiting, 1 active', 0]);
    expect(told(begin(waiting, A, { charging: new Set(['EAST-A1']) }))).toEqual([2, true, '2 trying, 1 active', 0]);
  });

  test('one that was begun with too often is left, with the reason', () => {
    const start = begin(trying, A, { startsOf: () => MOST_STARTS });
    expect(told(start)).toEqual([1, false, '2 rolled-back, 1 active', 0]);
    expect(start?.left.map(({ version, reason }) => [version, reason])).toEqual([
      [2, '3 processes began with it, and none has proven it'],
    ]);
    expect(told(begin(trying, A, { startsOf: () => MOST_STARTS - 1 }))[0]).toBe(2);
  });
});

test('ED-15 a start that is cut off, before or after it was stored, makes the same choice again', () => {
  const texts = fc.constantFrom(A, B, C, lineChanged, broken, null);
  const state = fc.constantFrom('waiting', 'trying', 'former', 'rolled-back', 'withdrawn');
  const rows = fc.array(fc.tuple(fc.constantFrom(A, B, C, lineChanged), state, fc.boolean()), { maxLength: 5 });
  fc.assert(
    fc.property(rows, texts, fc.boolean(), fc.integer({ min: 0, max: 4 }), (kept, file, isCharging, starts) => {
      const pending = kept.findLastIndex(([, one]) => one === 'waiting' || one === 'trying');
      const history: DocumentHistory = [
        ...kept.map(([text, one, isFile], i) =>
          row(i + 2, text, {
            state: i !== pending && (one === 'waiting' || one === 'trying') ? 'withdrawn' : one,
            trial: i === pending && one === 'trying' ? { before: null } : null,
            source: isFile ? 'file' : 'cloud',
          }),
        ),
      ]
        .toReversed()
        .concat(first);
      const wasTrying = history.find(({ state: one }) => one === 'trying')?.version;
      const startsOf = (version: number) => (version === wasTrying ? starts : 0);
      const found = { charging: new Set(isCharging ? ['EAST-B1'] : []), startsOf };
      const once = begin(history, file, found);
      const again = begin(once?.history ?? [], file, found);
      expect([again?.text, standing(again?.history ?? [])]).toEqual([once?.text, standing(once?.history ?? [])]);
      expect(once?.history.filter(({ state: one }) => one === 'active')).toHaveLength(1);
      // What is begun with is in force or on trial, and nothing else.
      const chosen = once?.history.find(({ version }) => version === once.version);
      expect(chosen?.state).toBe(once?.isTrial === true ? 'trying' : 'active');
    }),
  );
});
