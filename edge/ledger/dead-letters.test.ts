import { expect, test } from 'vitest';
import type { Ledger } from './ledger.ts';
import { acknowledge, alarm, at, closingOf, open, openLedger, sessionOn, started } from './testing.ts';

const ALL = { records: 200, bytes: 1e6 };
const later = { ...at, wallMs: at.wallMs + 60_000, monoMs: at.monoMs + 60_000 };
const waiting = (ledger: Ledger) => ledger.nextBatch(ALL)?.records ?? [];
const refuse = (ledger: Ledger, ...seqs: number[]) =>
  acknowledge(
    ledger,
    ledger.headSeq(),
    seqs.map((seq) => ({ seq, code: 'record.refused', detail: `why ${seq}` })),
  );

test('XC-05 a refused record is sent again as a new one, with its body and its time', () => {
  const { ledger } = openLedger();
  ledger.commit({ session: null, records: [alarm(1), alarm(2)] }, at);
  refuse(ledger, 1, 2);
  expect(ledger.deadLetters()).toMatchObject([
    { seq: 1, kind: 'alarm.raised', sessionId: null, code: 'record.refused', detail: 'why 1' },
    { seq: 2 },
  ]);
  expect(ledger.changeDeadLetter({ act: 'send-again', seq: 2 }, later)).toBeNull();
  expect(waiting(ledger)).toEqual([{ seq: 3, at, body: alarm(2) }]);
  expect(ledger.deadLetters().map(({ seq }) => seq)).toEqual([1]);
  refuse(ledger, 3);
  expect(ledger.deadLetters().map(({ seq }) => seq)).toEqual([1, 3]);
});

test('SY-01 what was refused of the same session before it goes first, and no other session', () => {
  const { ledger } = openLedger();
  const [one, other] = [sessionOn(1), sessionOn(2)];
  ledger.commit(open(one, started(one)), at);
  ledger.commit(open(other, started(other)), at);
  ledger.commit({ session: null, records: [{ ...alarm(1), sessionId: one.sessionId }] }, at);
  ledger.commit({ session: null, records: [{ ...alarm(2), sessionId: one.sessionId }] }, at);
  refuse(ledger, 1, 2, 3, 4);
  ledger.changeDeadLetter({ act: 'send-again', seq: 3 }, later);
  expect(waiting(ledger).map(({ seq, body }) => [seq, body.kind, body.sessionId])).toEqual([
    [5, 'session.started', one.sessionId],
    [6, 'alarm.raised', one.sessionId],
  ]);
  expect(ledger.deadLetters().map(({ seq }) => seq)).toEqual([2, 4]);
});

test('OP-16 a refused start is known to the cloud when it has taken it after all, and not before', () => {
  const { ledger, reopen } = openLedger();
  const session = sessionOn(1);
  ledger.commit(open({ ...session, confirmed: true }, started(session)), at);
  refuse(ledger, 1);
  ledger.changeDeadLetter({ act: 'send-again', seq: 1 }, later);
  const again = reopen().ledger;
  expect(again.openWork(later).sessions[0]?.acknowledged).toBe(false);
  expect(acknowledge(again, 2)).toEqual([session.sessionId]);
  expect(again.openWork(later).sessions[0]?.acknowledged).toBe(true);
});

test('XC-05 a charge record that is told again is kept once', () => {
  const { ledger, database } = openLedger();
  ledger.commit(closingOf(1), at);
  const told = waiting(ledger).find(({ body }) => body.kind === 'session.ended');
  refuse(ledger, told?.seq ?? 0);
  ledger.changeDeadLetter({ act: 'send-again', seq: told?.seq ?? 0 }, later);
  expect(waiting(ledger).map(({ body }) => body)).toEqual([told?.body]);
  expect(database.prepare('SELECT count(*) AS n FROM cdrs').get()).toEqual({ n: 1 });
});

test('XC-05 an alarm can be dropped; what tells of a charge is not, and what is not there cannot be', () => {
  const { ledger } = openLedger();
  const session = sessionOn(1);
  ledger.commit(open(session, started(session), { ...alarm(1), sessionId: session.sessionId }), at);
  refuse(ledger, 1, 2);
  expect(ledger.changeDeadLetter({ act: 'drop', seq: 1 }, later)).toContain('never dropped');
  expect(ledger.changeDeadLetter({ act: 'drop', seq: 7 }, later)).toBe('there is no such record');
  expect(ledger.changeDeadLetter({ act: 'send-again', seq: 7 }, later)).toBe('there is no such record');
  expect(ledger.changeDeadLetter({ act: 'drop', seq: 2 }, later)).toBeNull();
  expect([ledger.deadLetters().map(({ seq }) => seq), waiting(ledger)]).toEqual([[1], []]);
});

test('SY-03.b one of a former epoch is sent again under the present one', () => {
  const { ledger } = openLedger();
  ledger.commit({ session: null, records: [alarm(1)] }, at);
  refuse(ledger, 1);
  ledger.beginEpoch('it was copied', at);
  acknowledge(ledger, ledger.headSeq());
  const [letter] = ledger.deadLetters();
  expect(letter?.seq).toBeLessThan(0);
  expect(ledger.changeDeadLetter({ act: 'send-again', seq: letter?.seq ?? 0 }, later)).toBeNull();
  expect(waiting(ledger).map(({ body }) => body)).toEqual([alarm(1)]);
});

test('one that an older edge has put aside has no time of its own: it gets that of its second sending', () => {
  const { ledger, database } = openLedger();
  ledger.commit({ session: null, records: [alarm(1)] }, at);
  refuse(ledger, 1);
  database.exec('UPDATE dead_letters SET at = NULL');
  ledger.changeDeadLetter({ act: 'send-again', seq: 1 }, later);
  expect(waiting(ledger)).toMatchObject([{ at: later }]);
});
