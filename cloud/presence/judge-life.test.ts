import { describe, expect, test } from 'vitest';
import { FRESH_MS } from '../stations/freshness.ts';
import { type Holder, type Judgement, judgeLife, type KnownLives, REPLACED_AFTER_MS } from './judge-life.ts';

const NOW = 1_000_000;
const holder: Holder = {
  lifeId: 'A2',
  formerLifeId: 'A1',
  isConfirmed: true,
  storeEpoch: 'E1',
  isOnline: true,
  heardAtMs: NOW - 1000,
};
const { lifeId, formerLifeId, isConfirmed } = holder;
const lastOfEpoch = { lifeId, formerLifeId, isConfirmed };
const known = (change: Partial<KnownLives> = {}): KnownLives => ({
  holder,
  own: null,
  lastOfEpoch,
  isContested: false,
  isAhead: false,
  ...change,
});
const silentFor = (ms: number, change: Partial<Holder> = {}) =>
  known({ holder: { ...holder, heardAtMs: NOW - ms, ...change } });
const next = { lifeId: 'A3', formerLifeId: 'A2', storeEpoch: 'E1' };
const copy = { lifeId: 'B1', formerLifeId: 'A1', storeEpoch: 'E1' };
const otherStore = { lifeId: 'C1', formerLifeId: null, storeEpoch: 'E2' };

const welcome = (change: string) => ({ kind: 'welcome', change });
const wait = { kind: 'hold', reason: 'wait', isProof: false };
const barred = (isProof: boolean) => ({ kind: 'hold', reason: 'barred', isProof });

const cases: [string, Parameters<typeof judgeLife>[0], KnownLives, object][] = [
  ['the first life of a site', otherStore, known({ holder: null, lastOfEpoch: null }), welcome('first')],
  ['the same life again', { ...next, lifeId: 'A2' }, known(), welcome('same')],
  ['the same life with another epoch', { ...otherStore, lifeId: 'A2' }, known({ lastOfEpoch: null }), welcome('same')],
  ['the next process, the will has come', next, silentFor(1000, { isOnline: false }), welcome('succeeds')],
  ['the next process, long silence', next, silentFor(FRESH_MS + 1), welcome('succeeds')],
  ['the next process, while the former may be alive', next, known(), wait],
  [
    'the next one after a welcome that was never stored',
    { ...next, formerLifeId: 'A1' },
    silentFor(20_000, { isConfirmed: false }),
    welcome('succeeds'),
  ],
  ['a copy, while the original may be alive', copy, silentFor(REPLACED_AFTER_MS), wait],
  [
    'a copy, after the original fell silent',
    copy,
    silentFor(REPLACED_AFTER_MS + 1),
    { kind: 'hold', reason: 'begin-epoch', isProof: false },
  ],
  [
    'a later process than the cloud remembers, which was put back',
    { ...next, lifeId: 'A5', formerLifeId: 'A4' },
    { ...silentFor(FRESH_MS + 1), isAhead: true },
    welcome('succeeds'),
  ],
  [
    'the same, where another store has spoken in between',
    { ...next, lifeId: 'A5', formerLifeId: 'A4' },
    { ...silentFor(REPLACED_AFTER_MS + 1, { storeEpoch: 'E2' }), isAhead: true },
    welcome('returns'),
  ],
  [
    'a will alone lets no other store in',
    otherStore,
    { ...silentFor(1000, { isOnline: false }), lastOfEpoch: null },
    wait,
  ],
  [
    'another store after long silence',
    otherStore,
    { ...silentFor(REPLACED_AFTER_MS + 1), lastOfEpoch: null },
    welcome('replaces'),
  ],
  [
    'an earlier store, from where it had been',
    { lifeId: 'C3', formerLifeId: 'C2', storeEpoch: 'E2' },
    { ...silentFor(99_999), lastOfEpoch: { lifeId: 'C2', formerLifeId: 'C1', isConfirmed: true } },
    welcome('returns'),
  ],
  [
    'a copy of an earlier store',
    { lifeId: 'C3', formerLifeId: 'C1', storeEpoch: 'E2' },
    { ...silentFor(99_999), lastOfEpoch: { lifeId: 'C2', formerLifeId: 'C1', isConfirmed: true } },
    { kind: 'hold', reason: 'begin-epoch', isProof: false },
  ],
  [
    'the holder is heard while another waits',
    copy,
    known({ own: { status: 'waiting', storeEpoch: 'E1', firstHeardAtMs: NOW - 5000 } }),
    barred(true),
  ],
  [
    'what was on its way is no proof',
    next,
    known({ own: { status: 'waiting', storeEpoch: 'E1', firstHeardAtMs: NOW - 2500 } }),
    wait,
  ],
  [
    'one whose place was taken comes back',
    { ...next, lifeId: 'A1' },
    known({ own: { status: 'former', storeEpoch: 'E1', firstHeardAtMs: 0 } }),
    barred(true),
  ],
  [
    'it comes back again',
    next,
    known({ own: { status: 'barred', storeEpoch: 'E1', firstHeardAtMs: 0 }, isContested: true }),
    barred(false),
  ],
  ['a barred box after a restart', copy, { ...silentFor(999_999), isContested: true }, barred(false)],
  [
    'the holder after a restart, though contested',
    next,
    { ...silentFor(1000, { isOnline: false }), isContested: true },
    welcome('succeeds'),
  ],
  [
    'one that a person has chosen',
    copy,
    known({ own: { status: 'chosen', storeEpoch: 'E1', firstHeardAtMs: 0 }, isContested: true }),
    { kind: 'hold', reason: 'begin-epoch', isProof: false },
  ],
  [
    'the chosen one under its own epoch',
    { ...copy, storeEpoch: 'E3' },
    known({ own: { status: 'chosen', storeEpoch: 'E1', firstHeardAtMs: 0 }, isContested: true, lastOfEpoch: null }),
    welcome('replaces'),
  ],
];

describe('who may speak for a site', () => {
  test.each(cases)('%s', (_name, life, lives, expected) => {
    expect(judgeLife(life, lives, NOW)).toEqual(expected);
  });

  test('SY-03.c of no two boxes that are alive both are welcomed, whoever comes first and however often', () => {
    for (const isLate of [false, true]) {
      let lives = known();
      const heard: Judgement[] = [];
      for (let nowMs = NOW; nowMs < NOW + 300_000; nowMs += 2000) {
        const own = lives.own ?? { status: 'waiting' as const, storeEpoch: 'E1', firstHeardAtMs: nowMs };
        const found = judgeLife(isLate ? next : copy, lives, nowMs);
        heard.push(found);
        const isBarred = found.kind === 'hold' && found.reason === 'barred';
        lives = known({
          own: isBarred ? { ...own, status: 'barred' } : own,
          isContested: lives.isContested || isBarred,
          holder: { ...holder, heardAtMs: nowMs },
        });
      }
      expect(heard.filter(({ kind }) => kind === 'welcome')).toEqual([]);
      expect(heard.filter((found) => found.kind === 'hold' && found.isProof)).toHaveLength(1);
    }
  });
});
