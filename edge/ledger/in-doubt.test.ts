import { join } from 'node:path';
import Database, { type Database as Sqlite } from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { startCommand } from '../control/testing.ts';
import { CommitQueue } from './commit-queue.ts';
import { openDatabase } from './open-database.ts';
import { acknowledge, alarms, at, closingOf, open, openRescued, sessionOn, tempFolder } from './testing.ts';

/**
 * What a disk does to the next commit. `unsynced`: the commit is in the file and its fsync fails; `unwritten`: it fails
 * before it is.
 */
type Fate = 'unsynced' | 'unwritten' | 'well';

const ioError = () => new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');

/** A disk whose commits fail as planned, and whose file opens only while `opens` says so. */
function failingDisk() {
  const plan: Fate[] = [];
  const disk = { plan, opens: true, opened: 0 };
  const openFile = (path: string, maxBytes: number): Sqlite => {
    if (!disk.opens) throw new Database.SqliteError('unable to open database file', 'SQLITE_CANTOPEN');
    disk.opened += 1;
    const database = openDatabase(path, maxBytes);
    const real = database.transaction.bind(database);
    const failing = (work: () => unknown) => ({
      immediate: () => {
        const fate = plan.shift() ?? 'well';
        if (fate === 'unwritten')
          return real(() => {
            work();
            throw ioError();
          }).immediate();
        const value = real(work).immediate();
        if (fate === 'unsynced') throw ioError();
        return value;
      },
    });
    database.transaction = failing as unknown as typeof database.transaction;
    return database;
  };
  const rescued = openRescued(join(tempFolder(), 'ledger.db'), { open: openFile });
  const seqs = () => (rescued.ledger.nextBatch({ records: 100, bytes: 1e6 })?.records ?? []).map(({ seq }) => seq);
  disk.opened = 0;
  return { ...rescued, disk, plan, seqs };
}

describe('ED-11 an I/O error leaves a commit in doubt: the file is opened again and looked at', () => {
  test.each<[string, Fate[], number]>([
    ['it is there: it is not stored a second time', ['unsynced'], 1],
    ['it is not: it is stored again', ['unwritten'], 1],
    ['it is not, and is there at the second attempt', ['unwritten', 'unsynced'], 2],
  ])('%s', (_, fates, opened) => {
    const { ledger, plan, disk, seqs } = failingDisk();
    plan.push(...fates);
    ledger.commit(alarms(1, 2), at);
    expect(seqs()).toEqual([1, 2]);
    expect(disk.opened).toBe(opened);
    ledger.commit(alarms(3), at);
    expect(seqs()).toEqual([1, 2, 3]);
  });

  test('twice not there: it fails, and nothing of it is stored', () => {
    const { ledger, plan, seqs } = failingDisk();
    plan.push('unwritten', 'unwritten');
    expect(() => ledger.commit(alarms(1), at)).toThrow('disk I/O error');
    expect(seqs()).toEqual([]);
  });

  test('a session without a record is simply stored again', () => {
    const { ledger, plan } = failingDisk();
    const session = sessionOn(1);
    plan.push('unsynced');
    ledger.commit(open(session), at);
    expect(ledger.openWork(at).sessions.map(({ sessionId }) => sessionId)).toEqual([session.sessionId]);
  });

  test('a command is admitted once, and an acknowledgement still tells whose start it was', () => {
    const { ledger, plan, seqs } = failingDisk();
    plan.push('unsynced');
    expect(ledger.admit(startCommand(), at)).toBe('new');
    expect(seqs()).toEqual([1]);
    plan.push('unsynced');
    acknowledge(ledger, 1);
    expect([seqs(), ledger.ackedSeq()]).toEqual([[], 1]);
  });
});

describe('ED-08 a file that does not open', () => {
  /** A queue on a failing disk, and what it answered. */
  function queueRig() {
    const rig = failingDisk();
    const looks: (() => void)[] = [];
    const queue = new CommitQueue({
      after: (_, look) => {
        looks.push(look);
        return () => {};
      },
    });
    const answers: string[] = [];
    const add = (name: string, work: () => void) =>
      queue.add({
        store: work,
        onStored: () => answers.push(`${name} stored`),
        onFailed: (reason) => answers.push(`${name}: ${reason}`),
      });
    const look = () => looks.shift()?.();
    return { ...rig, queue, answers, add, look };
  }

  test.each<[Fate, number[]]>([
    ['unsynced', [1, 2, 3]],
    ['unwritten', [1, 2, 3]],
  ])('nobody is told anything before it is known; then each is stored once, in order: %s', (fate, stored) => {
    const { ledger, plan, disk, add, look, answers, queue, seqs } = queueRig();
    plan.push(fate);
    const transaction = {
      ...alarms(1),
      get session() {
        disk.opens = false;
        return null;
      },
    };
    add('first', () => ledger.commit(transaction, at));
    add('second', () => ledger.commit(alarms(2), at));
    add('third', () => ledger.commit(alarms(3), at));
    look();
    look();
    expect([answers, queue.isInDoubt]).toEqual([[], true]);
    expect(() => ledger.backlog()).toThrow(/does not open/);
    Object.defineProperty(transaction, 'session', { value: null });
    disk.opens = true;
    look();
    expect(answers).toEqual(['first stored', 'second stored', 'third stored']);
    expect(queue.isInDoubt).toBe(false);
    expect(seqs()).toEqual(stored);
  });

  test('a session whose fsync fails twice is in the file: nobody is told that it is not, and it is stored once the disk is well', () => {
    const { ledger, plan, add, look, answers, queue } = queueRig();
    const session = sessionOn(1);
    plan.push('unsynced', 'unsynced');
    add('session', () => ledger.commit(open(session), at));
    expect([answers, queue.isInDoubt]).toEqual([[], true]);
    look();
    expect([answers, queue.isInDoubt]).toEqual([['session stored'], false]);
    expect(ledger.openWork(at).sessions.map(({ sessionId }) => sessionId)).toEqual([session.sessionId]);
  });

  test('what is found in the file counts as stored only once a checkpoint has been synced', () => {
    const { ledger, plan, path, add, look, answers } = queueRig();
    plan.push('unsynced');
    // Whoever reads an older state keeps the checkpoint from being whole.
    const reader = new Database(path, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM outbox').get();
    add('first', () => ledger.commit(alarms(1), at));
    look();
    expect(answers).toEqual([]);
    reader.close();
    look();
    expect(answers).toEqual(['first stored']);
  });

  test('also when somebody else has opened it meanwhile, and written', () => {
    const { ledger, plan, disk, add, look, answers, seqs } = queueRig();
    plan.push('unsynced');
    const transaction = {
      ...alarms(1),
      get session() {
        disk.opens = false;
        return null;
      },
    };
    add('first', () => ledger.commit(transaction, at));
    disk.opens = true;
    ledger.admit(startCommand(), at);
    look();
    expect(answers).toEqual(['first stored']);
    expect(seqs()).toEqual([1, 2]);
  });

  test('a commit that cannot be, for another reason, fails alone', () => {
    const { ledger, add, answers } = queueRig();
    const closing = closingOf(1);
    add('first', () => ledger.commit(closing, at));
    add('again', () =>
      ledger.commit(
        { ...closing, session: null, records: [{ kind: 'nonsense' } as never, { kind: null } as never] },
        at,
      ),
    );
    add('third', () => ledger.commit(alarms(3), at));
    expect(answers).toEqual(['first stored', expect.stringContaining('again: '), 'third stored']);
  });
});
