import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startCommand, uuid } from '../control/testing.ts';
import { openDatabase } from './open-database.ts';
import { quarantine } from './quarantine.ts';
import { eachReadableRow } from './readable-rows.ts';
import { NEWEST_ROWS, salvage } from './salvage.ts';
import {
  acknowledge,
  alarm,
  alarms,
  at,
  closingOf,
  open,
  openLedger,
  openRescued,
  sessionOn,
  started,
  tempFolder,
} from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 120_000 });

const ALL = { records: 10_000, bytes: 1e9 };
const CHARGES = 10_000;
const UNSENT = 300;

/** A ledger of years: one charge that has been open all the while, then so many that the cloud knows, and some it does not. */
function ledgerOfYears(path: string): void {
  const { ledger, database } = openLedger(path);
  const stale = sessionOn(1, 'P2-1');
  ledger.commit(open(stale), at);
  const closing = closingOf(2);
  ledger.commit(open(closing.session?.session ?? stale), at);
  ledger.commit(closing, at);
  ledger.admit(startCommand({ commandId: uuid(77) }), at);
  acknowledge(ledger, ledger.headSeq());
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < ${CHARGES + 9})`;
  const id = (prefix: string) => `printf('${prefix}-0000-4000-8000-%012d', i)`;
  const body = `replace(replace(body, '${uuid(2002)}', ${id('00000001')}), '${uuid(4002)}', ${id('00000002')})`;
  database.exec(`BEGIN;
    ${numbers} INSERT INTO sessions SELECT ${id('00000001')}, 'P1-1', 0, ${body}, ${at.wallMs}, 'own'
      FROM n, sessions WHERE session_id = '${uuid(2002)}';
    ${numbers} INSERT INTO cdrs SELECT ${id('00000002')}, ${id('00000001')}, ${body}, ${at.wallMs}, 'own'
      FROM n, cdrs WHERE cdr_id = '${uuid(4002)}';
    ${numbers} INSERT INTO inbox SELECT ${id('00000003')}, 'done', 0, at, body, outcome, ${at.wallMs}, 'own'
      FROM n, inbox LIMIT ${CHARGES};
    COMMIT;`);
  for (let n = 0; n < UNSENT; n += 1) ledger.commit(alarms(n + 1), at);
  database.close();
}

const lettersIn = (path: string) => {
  const database = new Database(path, { readonly: true });
  const rows = database
    .prepare<[], { seq: number; body: string }>(`SELECT seq, body FROM dead_letters ORDER BY seq`)
    .all();
  database.close();
  return rows.map(({ seq, body }) => `${seq} ${JSON.parse(body).alarmId}`);
};

test('SY-08 ED-11 refused records come over each time, in order, under numbers that no record of the new epoch has', () => {
  const folder = tempFolder();
  const path = (n: number) => join(folder, `${n}.db`);
  const { ledger, database } = openLedger(path(0));
  ledger.commit(alarms(1, 2, 3), at);
  acknowledge(ledger, 2, [
    { seq: 1, code: 'record.refused', detail: 'x' },
    { seq: 2, code: 'record.refused', detail: 'x' },
  ]);
  database.close();
  for (let n = 0; n < 3; n += 1) {
    const fresh = openDatabase(path(n + 1));
    const { taken, lost } = salvage(path(n), fresh, n === 1 ? 'restored' : 'recovered', null);
    expect([taken.dead_letters, lost]).toEqual([2, []]);
    fresh.close();
    expect(lettersIn(path(n + 1))).toEqual([`-2 ${uuid(1)}`, `-1 ${uuid(2)}`]);
  }
  // Refused in the new epoch, under a number that was one of the old.
  const again = openLedger(path(3));
  acknowledge(again.ledger, 1, [{ seq: 1, code: 'record.refused', detail: 'x' }]);
  again.database.close();
  expect(lettersIn(path(3))).toEqual([`-2 ${uuid(1)}`, `-1 ${uuid(2)}`, `1 ${uuid(3)}`]);
  const last = openDatabase(path(4));
  expect(salvage(path(3), last, 'recovered', null).taken.dead_letters).toBe(3);
  last.close();
  expect(lettersIn(path(4))).toEqual([`-3 ${uuid(1)}`, `-2 ${uuid(2)}`, `-1 ${uuid(3)}`]);
});

describe('ED-11 rows around broken pages', () => {
  /** Rows with such numbers, each alone on its page, of which some pages are garbage. */
  function table(numbers: readonly number[], broken: readonly number[]) {
    const path = join(tempFolder(), 'rows.db');
    const database = new Database(path);
    database.exec(`CREATE TABLE rows (n INTEGER PRIMARY KEY, body TEXT)`);
    const insert = database.prepare(`INSERT INTO rows VALUES (?, ?)`);
    database.transaction(() => {
      for (const n of numbers) insert.run(n, 'x'.repeat(3500));
    })();
    const pages = database
      .prepare<[], number>(`SELECT pageno FROM dbstat WHERE name = 'rows' AND pagetype = 'leaf' ORDER BY path`)
      .pluck()
      .all();
    database.close();
    const file = openSync(path, 'r+');
    for (const n of broken)
      writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, ((pages[numbers.indexOf(n)] ?? 0) - 1) * 4096);
    closeSync(file);
    const damaged = new Database(path, { readonly: true });
    onTestFinished(() => void damaged.close());
    return damaged;
  }
  const read = (database: Database.Database, newest: number | null = null) => {
    const seen: number[] = [];
    const isWhole = eachReadableRow(database, 'rows', newest, (row) => seen.push(Number(row.row_number)));
    return { isWhole, seen };
  };
  const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => from + i);

  test('negative numbers count as well', () => {
    expect(read(table([-2, -1, 3], []))).toEqual({ isWhole: true, seen: [-2, -1, 3] });
  });

  test('the first page is broken and the numbers begin far away, as in an outbox of years', () => {
    expect(read(table([5_000_001, 5_000_002, 5_000_003], [5_000_001]))).toEqual({
      isWhole: false,
      seen: [5_000_002, 5_000_003],
    });
  });

  test('a gap as wide as many pages is leapt over; a broken end ends it', () => {
    expect(read(table([1, 2, 900_000, 900_001, 900_002], [2, 900_002]))).toEqual({
      isWhole: false,
      seen: [1, 900_000, 900_001],
    });
  });

  test('of the newest, at least so many and less than twice as many are read, whatever is broken before them', () => {
    const { seen, isWhole } = read(table(upTo(95), [1, 40, 41]), 10);
    expect(isWhole).toBe(false);
    expect(seen.at(-1)).toBe(95);
    expect(seen.length).toBeGreaterThanOrEqual(10);
    expect(seen.length).toBeLessThan(20);
    expect(seen).toEqual(upTo(95, seen[0]));
    const late = read(table(upTo(7095, 7001), [7001]), 10);
    expect(late.seen).toEqual(upTo(7095, late.seen[0]));
    expect(late.seen.length, 'also where the first page is broken and the numbers begin far away').toBeLessThan(20);
  });
});

describe('ED-11 what went to quarantine', () => {
  const put = (path: string, content: string, nowMs: number) => {
    writeFileSync(path, content);
    return quarantine(path, nowMs);
  };

  test('samples never push a ledger out, and a wrong clock makes none the oldest', () => {
    const folder = tempFolder();
    const [ledger, samples] = [join(folder, 'ledger.db'), join(folder, 'samples.db')];
    put(ledger, 'first', Date.UTC(2026, 5, 1));
    const kept = put(ledger, 'at a time that nobody knew', 5000);
    for (let n = 0; n < 12; n += 1) put(samples, 'x', Date.UTC(2026, 5, 2 + n));
    for (let n = 0; n < 3; n += 1) put(ledger, 'later', Date.UTC(2026, 5, 9));
    const names = readdirSync(join(folder, 'quarantine'));
    expect(names.filter((name) => name.startsWith('ledger.db-')).map((name) => name.slice(0, 15))).toEqual(
      ['1-2026', '2-1970', '3-2026', '4-2026', '5-2026'].map((name) => `ledger.db-${name}`.slice(0, 15)),
    );
    expect(names.filter((name) => name.startsWith('samples.db-'))).toHaveLength(5);
    put(ledger, 'sixth', 0);
    expect(existsSync(kept ?? '')).toBe(true);
    expect(readdirSync(join(folder, 'quarantine')).some((name) => name.startsWith('ledger.db-1-'))).toBe(false);
  });

  /** Killed with a journal of 30 commits; its successor is whole and has no name yet, and the database itself has gone. */
  function cutInTheMoves() {
    const folder = tempFolder();
    const path = join(folder, 'ledger.db');
    const old = openLedger(join(folder, 'old.db'));
    old.ledger.commit(alarms(1), at);
    old.database.pragma('wal_checkpoint(TRUNCATE)');
    for (let n = 0; n < 30; n += 1)
      old.ledger.commit({ session: null, records: [alarm(100 + n, 'y'.repeat(400))] }, at);
    const fresh = openLedger(join(folder, 'fresh.db'));
    const session = sessionOn(7);
    fresh.ledger.commit(open(session, started(session)), at);
    const epoch = fresh.ledger.storeEpoch;
    fresh.database.close();
    copyFileSync(join(folder, 'old.db'), path);
    const kept = quarantine(path, at.wallMs);
    copyFileSync(join(folder, 'old.db-wal'), `${path}-wal`);
    renameSync(join(folder, 'fresh.db'), `${path}.new`);
    return { folder, path, epoch, session, kept: dirname(kept ?? '') };
  }

  test('the power fails between its moves: the old journal is not read into the new store, and follows its database', () => {
    const { path, epoch, session, kept } = cutInTheMoves();
    const { ledger, damages } = openRescued(path);
    expect(ledger.storeEpoch).toBe(epoch);
    expect(damages).toEqual([]);
    expect(ledger.nextBatch(ALL)?.records.map(({ body }) => body.kind)).toEqual(['session.started']);
    expect(ledger.openWork(at).sessions.map(({ sessionId }) => sessionId)).toEqual([session.sessionId]);
    expect(readdirSync(kept)).toEqual(['ledger.db', 'ledger.db-wal']);
  });
});

describe('ED-11 a large ledger that is damaged', () => {
  test('the work is bounded: what is open and unsent, and of the rest the newest, however much there is', () => {
    const folder = tempFolder();
    const path = join(folder, 'ledger.db');
    ledgerOfYears(path);
    const fresh = openDatabase(join(folder, 'fresh.db'));
    const beganMs = performance.now();
    const { taken, lost } = salvage(path, fresh, 'recovered', at.wallMs);
    expect(performance.now() - beganMs).toBeLessThan(20_000);
    expect(lost).toEqual([]);
    expect(taken).toMatchObject({ outbox: UNSENT });
    for (const table of ['sessions', 'cdrs', 'inbox']) {
      expect(taken[table]).toBeGreaterThanOrEqual(NEWEST_ROWS);
      expect(taken[table]).toBeLessThan(2 * NEWEST_ROWS);
    }
    const stale = fresh.prepare(`SELECT session_id FROM sessions WHERE is_open = 1`).pluck().all();
    expect(stale, 'open, and older than all that came over').toEqual([uuid(2001)]);
    const newest = fresh.prepare(`SELECT max(session_id) FROM cdrs`).pluck().get();
    expect(newest).toBe(`00000001-0000-4000-8000-${String(CHARGES + 9).padStart(12, '0')}`);
    fresh.close();
  });
});
