import { expect, test } from 'vitest';
import { startCommand, uuid } from '../control/testing.ts';
import type { Ledger } from './ledger.ts';
import { acknowledge, at, closingOf, open, openLedger, sessionOn, started } from './testing.ts';

const ALL = { records: 200, bytes: 1e6 };
const gap = (n: number, firstSeq: number, lastSeq: number) => ({ gapId: uuid(n), firstSeq, lastSeq });
const waiting = (ledger: Ledger): string[] =>
  (ledger.nextBatch(ALL)?.records ?? []).map(({ body }) => {
    if (body.kind === 'session.ended') return `end ${JSON.stringify(body).match(/"cdrId":"[^"]*(.)"/)?.[1]}`;
    return `${body.kind} ${String(body.commandId).slice(-1)} ${body.status}`;
  });

/** Charges 1 to `n`, each with its command, that are over and acknowledged. */
function overAndTold(n: number) {
  const opened = openLedger();
  for (let i = 1; i <= n; i += 1) {
    const { session, records } = closingOf(i);
    if (session === null) throw new Error('no session');
    opened.ledger.admit(startCommand({ commandId: uuid(i) }), at);
    opened.ledger.commit(open(session.session), at);
    const done = { sessionId: session.session.sessionId, code: null, detail: null, status: 'done' as const };
    opened.ledger.commit({ session: null, records: [{ kind: 'command.reported', commandId: uuid(i), ...done }] }, at);
    opened.ledger.commit({ session, records: records.filter(({ kind }) => kind === 'session.ended') }, at);
  }
  acknowledge(opened.ledger, opened.ledger.headSeq());
  expect(opened.ledger.backlog()).toBe(0);
  return opened;
}

test('SY-01 of what the cloud has lost the newest bills and outcomes are told again, oldest first, under new numbers', () => {
  const { ledger } = overAndTold(4);
  const head = ledger.headSeq();
  ledger.tellAgain(gap(70, 9, 10), at);
  expect(waiting(ledger)).toEqual(['command.reported 3 done', 'command.reported 4 done', 'end 3', 'end 4']);
  expect(ledger.nextBatch(ALL)?.records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4].map((i) => head + i));
});

test('SY-01 each gap is answered once, and another one anew', () => {
  const { ledger } = overAndTold(2);
  expect(ledger.toldAgain()).toBeNull();
  ledger.tellAgain(gap(70, 1, 99), at);
  const told = waiting(ledger);
  expect(told).toEqual(['command.reported 1 done', 'command.reported 2 done', 'end 1', 'end 2']);
  ledger.tellAgain(gap(70, 1, 99), at);
  // What waits anyway is not told twice.
  ledger.tellAgain(gap(71, 1, 99), at);
  expect([waiting(ledger), ledger.toldAgain()]).toEqual([told, uuid(71)]);
  acknowledge(ledger, ledger.headSeq());
  ledger.tellAgain(gap(71, 1, 99), at);
  expect(ledger.backlog()).toBe(0);
  ledger.tellAgain(gap(72, 1, 99), at);
  expect(waiting(ledger)).toEqual(told);
});

test('SY-01 a charge that runs has no bill to tell again', () => {
  const { ledger } = openLedger();
  const session = sessionOn(1);
  ledger.commit(open(session, started(session)), at);
  acknowledge(ledger, 1);
  ledger.tellAgain(gap(70, 1, 1), at);
  expect([ledger.backlog(), ledger.toldAgain()]).toEqual([0, uuid(70)]);
});
