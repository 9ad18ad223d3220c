import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { Stamp } from '#shared/stamp.ts';
import { startCommand, stopCommand, uuid } from '../control/testing.ts';
import { openDatabase } from './open-database.ts';
import {
  acknowledge,
  alarm,
  alarms,
  at,
  closingOf,
  open,
  openLedger,
  sessionOn,
  started,
  tempFolder,
} from './testing.ts';

const ALL = { records: 1000, bytes: 10_000_000 };
const kinds = (records: readonly { body: { kind: string; status?: unknown } }[] | undefined) =>
  (records ?? []).map(({ body }) => (body.status === undefined ? body.kind : `${body.kind} ${body.status}`));

describe('ED-08 trap 5: a commit survives a power cut', () => {
  test('left alone, better-sqlite3 promises full durability and drops it with the first transaction', () => {
    const bare = new Database(join(tempFolder(), 'bare.db'));
    bare.pragma('journal_mode = WAL');
    expect(bare.pragma('synchronous', { simple: true })).toBe(2);
    bare.transaction(() => bare.exec('CREATE TABLE t (a)'))();
    expect(bare.pragma('synchronous', { simple: true })).toBe(1);
    bare.close();
  });

  test('the ledger has it at first, after commits, and after being opened again', () => {
    const { ledger, database, reopen } = openLedger();
    for (let n = 1; n <= 5; n += 1) ledger.commit(alarms(n), at);
    expect(database.pragma('synchronous', { simple: true })).toBe(2);
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    const again = reopen();
    again.ledger.commit(alarms(6), at);
    expect(again.database.pragma('synchronous', { simple: true })).toBe(2);
    expect(again.database.pragma('foreign_keys', { simple: true })).toBe(1);
  });

  test('a store written by newer software is refused, and not touched', () => {
    const { path, database } = openLedger();
    database.pragma('user_version = 99');
    database.close();
    expect(() => openDatabase(path)).toThrow(/store\.unavailable: .*newer software \(store 99/);
  });
});

describe('ED-08 a state and the records that tell of it are stored together or not at all', () => {
  test('a transaction whose last record cannot be stored leaves nothing of itself', () => {
    const { ledger } = openLedger();
    const closing = closingOf(1);
    ledger.commit(closing, at);
    const [ended] = closing.records;
    if (ended === undefined) throw new Error('no record');
    const before = { head: ledger.headSeq(), backlog: ledger.backlog() };
    if (ended.kind !== 'session.ended') throw new Error('no CDR');
    const another = { ...ended, cdr: { ...ended.cdr, cdrId: uuid(77) } };
    const session = sessionOn(2);
    expect(() => ledger.commit(open(session, alarm(1), another), at)).toThrow(/UNIQUE/);
    expect({ head: ledger.headSeq(), backlog: ledger.backlog() }).toEqual(before);
    expect(ledger.openWork(at).sessions).toEqual([]);
  });

  test('ED-11 a full disk stores nothing of a commit, and what was there can still be read', () => {
    const { ledger, database } = openLedger();
    ledger.commit(alarms(1), at);
    database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`);
    expect(() => ledger.commit({ session: null, records: [alarm(2, 'x'.repeat(100_000))] }, at)).toThrow(/full/);
    expect(ledger.nextBatch(ALL)?.records.map((record) => record.seq)).toEqual([1]);
  });

  test('one open session per connector', () => {
    const { ledger } = openLedger();
    ledger.commit(open(sessionOn(1, 'A')), at);
    ledger.commit(open(sessionOn(2, 'B')), at);
    expect(() => ledger.commit(open(sessionOn(3, 'A')), at)).toThrow(/UNIQUE/);
    ledger.commit({ session: { session: sessionOn(1, 'A'), open: false }, records: [] }, at);
    ledger.commit(open(sessionOn(3, 'A')), at);
    expect(
      ledger
        .openWork(at)
        .sessions.map((session) => session.connectorId)
        .sort(),
    ).toEqual(['A', 'B']);
  });
});

describe('SY-04 the inbox', () => {
  test('a command is new once', () => {
    const { ledger, reopen } = openLedger();
    expect([ledger.admit(startCommand(), at), ledger.admit(startCommand(), at)]).toEqual(['new', 'known']);
    const again = reopen().ledger;
    expect(again.admit(startCommand(), at)).toBe('known');
    expect(kinds(again.nextBatch(ALL)?.records)).toEqual(['command.reported received']);
  });

  test('a final outcome is told again, and only a final one', () => {
    const { ledger } = openLedger();
    ledger.admit(startCommand(), at);
    ledger.reportAgain(uuid(1), at);
    ledger.reportAgain(uuid(99), at);
    expect(ledger.backlog()).toBe(1);
    const session = sessionOn(1);
    const outcome = { commandId: uuid(1), sessionId: session.sessionId, code: null, detail: null };
    ledger.commit(open(session, { kind: 'command.reported', status: 'done', ...outcome }), at);
    ledger.reportAgain(uuid(1), at);
    expect(kinds(ledger.nextBatch(ALL)?.records)).toEqual([
      'command.reported received',
      'command.reported done',
      'command.reported done',
    ]);
  });

  test('a cancel that comes first fails the command, and the command is never executed', () => {
    const { ledger, reopen } = openLedger();
    expect(ledger.cancel(uuid(1), at)).toBe(false);
    expect(ledger.admit(startCommand(), at)).toBe('cancelled');
    const again = reopen().ledger;
    expect(again.admit(startCommand(), at)).toBe('cancelled');
    expect(again.openWork(at).commands).toEqual([]);
    expect(kinds(again.nextBatch(ALL)?.records)).toEqual(['command.reported failed']);
  });

  test('a cancel of a command that is here and that nobody has acted on fails it', () => {
    const { ledger } = openLedger();
    ledger.admit(startCommand(), at);
    expect(ledger.cancel(uuid(1), at, false)).toBe(false);
    expect([ledger.statusOf(uuid(1)), ledger.admit(startCommand(), at)]).toEqual(['failed', 'cancelled']);
    expect(ledger.cancel(uuid(1), at, false), 'it is over').toBe(true);
    expect(kinds(ledger.nextBatch(ALL)?.records)).toEqual(['command.reported received', 'command.reported failed']);
  });

  test('a cancel of a command that is here may have to be undone, also the second time', () => {
    const { ledger } = openLedger();
    ledger.admit(startCommand(), at);
    expect([ledger.cancel(uuid(1), at), ledger.cancel(uuid(1), at)]).toEqual([true, true]);
  });
});

describe('SY-03.a the store knows itself', () => {
  test('its epoch stays; a new store has another', () => {
    const { ledger, reopen } = openLedger();
    const epoch = ledger.storeEpoch;
    expect(reopen().ledger.storeEpoch).toBe(epoch);
    expect(openLedger().ledger.storeEpoch).not.toBe(epoch);
  });

  test('SY-01 a sequence number is never used twice, also not after everything was sent and the process restarted', () => {
    const { ledger, reopen } = openLedger();
    expect([ledger.headSeq(), ledger.ackedSeq(), ledger.nextBatch(ALL)]).toEqual([0, 0, null]);
    ledger.commit(alarms(1, 2, 3), at);
    acknowledge(ledger, 3);
    const again = reopen().ledger;
    expect([again.headSeq(), again.ackedSeq(), again.backlog()]).toEqual([3, 3, 0]);
    again.commit(alarms(4), at);
    expect(again.nextBatch(ALL)).toMatchObject({ throughSeq: 4, records: [{ seq: 4 }] });
  });
});

describe('SY-01 the outbox', () => {
  test('gives the oldest first, as many as fit', () => {
    const { ledger } = openLedger();
    ledger.commit({ session: null, records: [1, 2, 3, 4].map((n) => alarm(n, 'x'.repeat(400))) }, at);
    const seqs = (records: number, bytes: number) =>
      ledger.nextBatch({ records, bytes })?.records.map((record) => record.seq);
    expect(seqs(3, 1_000_000)).toEqual([1, 2, 3]);
    expect(seqs(200, 1300)).toEqual([1, 2]);
    expect(seqs(200, 1)).toEqual([1]);
    expect(ledger.nextBatch(ALL)?.records[0]).toMatchObject({ seq: 1, at, body: alarm(1, 'x'.repeat(400)) });
  });

  test('forgets what the cloud has, tells whose start that was, and nothing twice', () => {
    const { ledger } = openLedger();
    const [a, b] = [sessionOn(1), sessionOn(2)];
    ledger.commit(open(a, started(a)), at);
    ledger.commit(open(b, started(b)), at);
    expect(acknowledge(ledger, 1)).toEqual([a.sessionId]);
    expect(acknowledge(ledger, 1)).toEqual([]);
    expect([ledger.backlog(), ledger.ackedSeq()]).toEqual([1, 1]);
    expect(acknowledge(ledger, 0)).toEqual([]);
    expect(ledger.ackedSeq()).toBe(1);
    expect(acknowledge(ledger, 2)).toEqual([b.sessionId]);
  });

  test('SY-03.a an acknowledgement of a store with another epoch is about other records', () => {
    const { ledger } = openLedger();
    const session = sessionOn(1);
    ledger.commit(open(session, started(session)), at);
    const refused = [{ seq: 1, code: 'record.refused', detail: '' }];
    expect(ledger.acknowledge({ storeEpoch: uuid(5), ackedSeq: 1, refused })).toEqual([]);
    expect([ledger.backlog(), ledger.ackedSeq()]).toEqual([1, 0]);
    expect(acknowledge(ledger, 1)).toEqual([session.sessionId]);
  });

  test('an acknowledgement of what was never sent does not move beyond the head', () => {
    const { ledger } = openLedger();
    ledger.commit(alarms(1), at);
    acknowledge(ledger, 500);
    expect([ledger.ackedSeq(), ledger.headSeq()]).toEqual([1, 1]);
  });

  test('XC-05 a record that the cloud refused is kept aside, and its start does not count as known', () => {
    const { ledger, database, reopen } = openLedger();
    const session = sessionOn(1);
    ledger.commit(open({ ...session, confirmed: true }, started(session), alarm(1)), at);
    const refused = [{ seq: 1, code: 'record.refused', detail: 'why' }];
    expect(acknowledge(ledger, 2, refused)).toEqual([]);
    expect(acknowledge(ledger, 2, refused)).toEqual([]);
    expect(database.prepare('SELECT seq, code, detail, body FROM dead_letters').all()).toEqual([
      { seq: 1, code: 'record.refused', detail: 'why', body: JSON.stringify(started(session)) },
    ]);
    expect(ledger.backlog()).toBe(0);
    expect(reopen().ledger.openWork(at).sessions[0]?.acknowledged, 'OP-16 also after a restart').toBe(false);
  });
});

describe('ED-09 what was open when the process ended', () => {
  test('sessions come back as they were stored last, with what the cloud knows of them', () => {
    const { ledger, reopen } = openLedger();
    const [a, b, c] = [sessionOn(1), sessionOn(2), { ...sessionOn(3), confirmed: false }];
    ledger.commit(open(a, started(a)), at);
    ledger.commit(open(b, started(b)), at);
    ledger.commit(open(c), at);
    acknowledge(ledger, 1);
    ledger.commit(open({ ...b, marks: ['adopted'] }), at);
    const { sessions } = reopen().ledger.openWork(at);
    expect(sessions).toEqual([
      { ...a, acknowledged: true },
      { ...b, acknowledged: false, marks: ['adopted'] },
      { ...c, acknowledged: false },
    ]);
  });

  test('ED-13 a session stored before meters were tracked comes back with its meter at the last reading', () => {
    const { ledger, database, reopen } = openLedger();
    const session = sessionOn(1);
    ledger.commit(open(session), at);
    database.exec(`UPDATE sessions SET body = json_remove(body, '$.meter')`);
    const [restored] = reopen().ledger.openWork(at).sessions;
    expect(restored?.meter).toMatchObject({
      track: { rawWh: session.lastReading.registerWh, offsetWh: 0, meterId: null, doubt: null },
      events: [],
      eventsLeftOut: 0,
    });
  });

  test('a charge that is over does not come back; its CDR stays', () => {
    const { ledger, reopen } = openLedger();
    const closing = closingOf(1);
    ledger.commit(open(closing.session?.session ?? sessionOn(1)), at);
    ledger.commit(closing, at);
    const again = reopen();
    expect(again.ledger.openWork(at).sessions).toEqual([]);
    expect(again.database.prepare('SELECT count(*) AS n FROM cdrs').get()).toEqual({ n: 1 });
  });

  test('commands that were received and not finished come back in order', () => {
    const { ledger, reopen } = openLedger();
    const commands = [startCommand({ commandId: uuid(5) }), stopCommand(uuid(9)), startCommand({ commandId: uuid(4) })];
    for (const command of commands) ledger.admit(command, at);
    const failed = { commandId: uuid(5), sessionId: null, code: 'command.expired', detail: 'x' } as const;
    ledger.commit({ session: null, records: [{ kind: 'command.reported', status: 'failed', ...failed }] }, at);
    expect(reopen().ledger.openWork(at).commands).toEqual(commands.slice(1));
  });

  test('SY-04 a command that was cancelled comes back with its cancel, so that it gets its answer and is undone', () => {
    const { ledger, reopen } = openLedger();
    ledger.admit(startCommand(), at);
    ledger.cancel(uuid(1), at);
    const running = { ...sessionOn(7), commandId: uuid(7) };
    ledger.admit(startCommand({ commandId: uuid(7) }), at);
    const done = { commandId: uuid(7), sessionId: running.sessionId, code: null, detail: null };
    ledger.commit(open(running, { kind: 'command.reported', status: 'done', ...done }), at);
    ledger.cancel(uuid(7), at);
    ledger.cancel(uuid(8), at);
    const work = reopen().ledger.openWork(at);
    expect(work.commands.map((command) => command.commandId)).toEqual([uuid(1)]);
    expect(work.cancelled).toEqual([uuid(1), uuid(7)]);
  });

  test('ED-07 latched faults come back, and are gone after a reset', () => {
    const { ledger, reopen } = openLedger();
    const latch = (faults: 'over-current'[]) => ({ session: null, records: [], latched: { connectorId: 'A', faults } });
    ledger.commit(latch(['over-current']), at);
    const again = reopen();
    expect([...again.ledger.openWork(at).latches]).toEqual([['A', ['over-current']]]);
    again.ledger.commit(latch([]), at);
    expect([...again.reopen().ledger.openWork(at).latches]).toEqual([['A', []]]);
  });
});

describe('SY-04 a start that is taken up again after a restart', () => {
  const start = startCommand({ ttlMs: 60_000 });

  test.each<[string, Partial<Stamp>, number]>([
    ['has only what is left of its time', { monoMs: at.monoMs + 20_000 }, 40_000],
    [
      'does not gain time when the wall clock is set back',
      { monoMs: at.monoMs + 20_000, wallMs: at.wallMs - 9e6 },
      40_000,
    ],
    ['has none left after a reboot: nobody knows how long that took', { bootId: uuid(901), monoMs: 5 }, 0],
  ])('%s', (_, later, ttlMs) => {
    const { ledger, reopen } = openLedger();
    ledger.admit(start, at);
    expect(reopen().ledger.openWork({ ...at, ...later }).commands).toEqual([{ ...start, ttlMs }]);
  });
});

describe('ED-22 the box that works with a store', () => {
  test('is noted in silence at first, and said when it is another one: once, with the store as it was', () => {
    const { ledger, reopen } = openLedger();
    const session = sessionOn(1);
    ledger.takenUpBy('box-1', at);
    ledger.commit(open(session), at);
    ledger.takenUpBy('box-1', at);
    expect(ledger.nextBatch(ALL)).toBeNull();
    const moved = reopen();
    moved.ledger.takenUpBy('box-2', at);
    moved.ledger.takenUpBy('box-2', at);
    expect(moved.ledger.nextBatch(ALL)?.records.map(({ body }) => body)).toMatchObject([
      { kind: 'alarm.raised', code: 'controller-replaced', pileId: null },
    ]);
    expect(moved.ledger.openWork(at).sessions.map(({ sessionId }) => sessionId)).toEqual([session.sessionId]);
    expect(moved.ledger.storeEpoch).toBe(ledger.storeEpoch);
  });
});
