import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DocumentHistory, withActive, withWaiting } from './document-history.ts';
import { judgeOffer } from './judge-offer.ts';
import { stored } from './testing.ts';

const history = [5, 7].reduce<DocumentHistory>((before, version) => withActive(before, stored(version)), []);
const judged = (version: number | null, digest: string, on = history) =>
  judgeOffer(on, { version, digest, source: 'cloud' });

test('ED-15 a higher version is new; the same one with the same content is known', () => {
  expect(judged(8, 'x')).toEqual({ kind: 'new', version: 8 });
  expect(judged(7, stored(7).digest)).toMatchObject({ kind: 'known', stored: { version: 7 } });
  expect(judged(5, stored(5).digest)).toMatchObject({ kind: 'known', stored: { version: 5, state: 'former' } });
});

test('ED-15 a version never changes, and never falls', () => {
  expect(judged(7, 'x')).toMatchObject({
    kind: 'refused',
    complaints: [
      { path: 'version', reason: '7 is known with another content; changed documents need a new number, from 8 on' },
    ],
  });
  expect(judged(6, 'x')).toMatchObject({
    complaints: [{ reason: '6 is older than 7, which is known; new documents need a higher number' }],
  });
});

test('ED-15 a document without a number gets the next one, unless it is the one in force or the one that waits', () => {
  expect(judged(null, 'x')).toEqual({ kind: 'new', version: 8 });
  expect(judged(null, stored(7).digest)).toMatchObject({ kind: 'known', stored: { version: 7 } });
  expect(judged(null, stored(5).digest)).toEqual({ kind: 'new', version: 8 });
  const waiting = withWaiting(history, stored(8), null);
  expect(judged(null, stored(8).digest, waiting)).toMatchObject({ kind: 'known', stored: { version: 8 } });
  expect(judged(null, 'x', [])).toEqual({ kind: 'new', version: 1 });
});

test('ED-15 pushes in any order, and any number of times, end with the highest in force', () => {
  const pushes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(pushes, (versions) => {
      const end = versions.reduce<DocumentHistory>((before, version) => {
        const judgement = judged(version, stored(version).digest, before);
        return judgement.kind === 'new' ? withActive(before, stored(judgement.version)) : before;
      }, []);
      expect(end.find(({ state }) => state === 'active')?.version).toBe(Math.max(...versions));
      expect(end.map(({ version }) => version)).toEqual(end.map(({ version }) => version).toSorted((a, b) => b - a));
    }),
  );
});
