import { expect, test } from 'vitest';
import { uuid } from '../control/testing.ts';
import { acknowledge, alarm, alarms, at, closingOf, open, openLedger } from './testing.ts';

const ALL = { records: 1000, bytes: 1e8 };

test('SY-03.b under a new epoch a store tells what was not acknowledged, in its order, under numbers from 1 on, and says why', () => {
  const { ledger, store, reopen } = openLedger();
  const closing = closingOf(1);
  if (closing.session === null) throw new Error('no session');
  ledger.commit(alarms(1, 2, 3, 4), at);
  acknowledge(ledger, 2, [{ seq: 1, code: 'record.refused', detail: 'x' }]);
  ledger.commit(open(closing.session.session), at);
  ledger.commit(closing, at);
  const before = ledger.nextBatch(ALL)?.records ?? [];
  const former = ledger.storeEpoch;

  ledger.beginEpoch('why', at);
  expect(ledger.storeEpoch).not.toBe(former);
  const after = ledger.nextBatch(ALL)?.records ?? [];
  expect(after.map(({ seq }) => seq)).toEqual(Array.from({ length: before.length + 1 }, (_, i) => i + 1));
  expect(after.slice(0, -1).map(({ body, at: when }) => [body, when])).toEqual(
    before.map(({ body, at: when }) => [body, when]),
  );
  expect(after.at(-1)?.body).toMatchObject({ kind: 'alarm.raised', code: 'store-copied', detail: 'why' });
  expect([ledger.headSeq(), ledger.ackedSeq()]).toEqual([after.length, 0]);
  expect(store.rows('SELECT seq FROM dead_letters')).toEqual([{ seq: -1 }]);
  // An acknowledgement of the former epoch, still on its way, is about other records.
  expect(ledger.acknowledge({ storeEpoch: former, ackedSeq: 4, refused: [] })).toEqual([]);
  expect(ledger.backlog()).toBe(after.length);

  const again = reopen().ledger;
  expect([again.storeEpoch, again.headSeq()]).toEqual([ledger.storeEpoch, after.length]);
  again.commit({ session: null, records: [alarm(9)] }, at);
  expect(again.headSeq()).toBe(after.length + 1);
});

test('SY-03.b a store of which everything was acknowledged begins its new epoch with the reason alone', () => {
  const { ledger } = openLedger();
  ledger.commit(alarms(1, 2), at);
  acknowledge(ledger, 2);
  ledger.beginEpoch('why', at);
  expect(ledger.nextBatch(ALL)?.records.map(({ seq, body }) => [seq, body.kind])).toEqual([[1, 'alarm.raised']]);
  ledger.beginEpoch('again', at);
  expect(ledger.nextBatch(ALL)?.records.map(({ seq }) => seq)).toEqual([1, 2]);
});

test('SY-03.c the life that was welcomed last is remembered over restarts', () => {
  const { ledger, reopen } = openLedger();
  expect(ledger.welcomedLifeId()).toBeNull();
  ledger.welcomedAs(uuid(70));
  expect(reopen().ledger.welcomedLifeId()).toBe(uuid(70));
});
