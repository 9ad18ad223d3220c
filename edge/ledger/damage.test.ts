import {
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database, { type Database as Sqlite } from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { startCommand, uuid } from '../control/testing.ts';
import { PAGE_BYTES } from './open-database.ts';
import {
  acknowledge,
  alarm,
  alarms,
  at,
  closingOf,
  open,
  openRescued,
  openStorage,
  sessionOn,
  started,
  tempFolder,
} from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

const ALL = { records: 10_000, bytes: 1e9 };
const CHARGES = 40;

type Opened = ReturnType<typeof openStorage>;
const recordsOf = ({ storage }: Opened) => storage.ledger.nextBatch(ALL)?.records ?? [];
const kindsOf = (opened: Opened) => recordsOf(opened).map(({ body }) => body.kind);
const cdrIdsOf = (opened: Opened) =>
  recordsOf(opened).flatMap(({ body }) =>
    body.kind === 'session.ended' ? [(body.cdr as { cdrId: string }).cdrId] : [],
  );

/** A site with many charges that are over, one that runs, a latch, commands, and half of it all acknowledged. */
function busySite(folder = tempFolder()) {
  const opened = openStorage(folder);
  const { storage, commit } = opened;
  for (let n = 1; n <= CHARGES; n += 1) {
    const closing = closingOf(n);
    commit(open(closing.session?.session ?? sessionOn(n)));
    commit(closing);
  }
  acknowledge(storage.ledger, CHARGES);
  const running = sessionOn(900, 'P9-1');
  storage.ledger.admit(startCommand({ commandId: uuid(1900), connectorId: 'P9-1' }), at);
  commit({ ...open(running, started(running)), latched: { connectorId: 'P1-1', faults: ['over-current'] } });
  commit({ session: null, records: [], inputs: { inputId: 'fire', latched: true } });
  return { ...opened, folder, running, path: join(folder, 'ledger.db') };
}

/** Where each page of a table lies in the file. */
function pagesOf(path: string, table: string, type = 'leaf'): number[] {
  const database = new Database(path, { readonly: true });
  try {
    return database
      .prepare<[string, string], number>(`SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ?`)
      .pluck()
      .all(table, type);
  } finally {
    database.close();
  }
}

function overwrite(path: string, page: number, bytes: Buffer, offset = 0): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, (page - 1) * PAGE_BYTES + offset);
}

/** The next statement that begins so finds the file to be damaged. */
function damageAtNext(database: Sqlite, statement: string): void {
  const prepare = database.prepare.bind(database);
  database.prepare = ((sql: string) => {
    if (sql.startsWith(statement)) throw new Database.SqliteError('malformed', 'SQLITE_CORRUPT');
    return prepare(sql);
  }) as typeof database.prepare;
}
const garbage = Buffer.alloc(PAGE_BYTES, 0xa5);

describe('ED-11 a damaged ledger', () => {
  test('an undamaged one is left as it is', () => {
    const { storage, folder } = busySite();
    const { storeEpoch } = storage.ledger;
    storage.close();
    const again = openStorage(folder);
    expect(again.storage.ledger.storeEpoch).toBe(storeEpoch);
    expect(again.storage.health.damage).toBeNull();
    expect(existsSync(join(folder, 'quarantine'))).toBe(false);
  });

  test.each([
    ['a header that is garbage', (path: string) => overwrite(path, 1, garbage.subarray(0, 100))],
    ['no database at all', (path: string) => writeFileSync(path, 'x'.repeat(100_000))],
  ])('%s: kept, a new epoch is begun, and an alarm says so', (_, damage) => {
    const site = busySite();
    const { storeEpoch } = site.storage.ledger;
    site.storage.close();
    damage(site.path);
    const content = readFileSync(site.path);
    const again = openStorage(site.folder);
    expect(again.storage.ledger.storeEpoch).not.toBe(storeEpoch);
    const [kept = ''] = readdirSync(join(site.folder, 'quarantine'));
    expect(kept).toBe('ledger.db-1-2026-03-02T00-00-00.000Z');
    expect(readFileSync(join(site.folder, 'quarantine', kept, 'ledger.db')).equals(content)).toBe(true);
    expect(recordsOf(again).map(({ body }) => body)).toEqual([
      expect.objectContaining({ kind: 'alarm.raised', code: 'store-damaged', severity: 'critical', pileId: null }),
    ]);
    expect(again.storage.health).toMatchObject({ mayCharge: false, damage: expect.any(String) });
    expect(again.commit(alarms(1))).toBe(true);
  });

  test('what can be read of it comes over: what is open, what the cloud does not have, latches, commands, CDRs', () => {
    const site = busySite();
    const before = recordsOf(site).map(({ body }) => body);
    site.storage.close();
    // Half of the sessions that are over lie on pages that nobody needs.
    for (const page of pagesOf(site.path, 'sessions').slice(2, 6)) overwrite(site.path, page, garbage);
    const again = openStorage(site.folder);
    const work = again.storage.ledger.openWork(at);
    expect(work.sessions).toEqual([{ ...site.running, marks: ['recovered'], acknowledged: false }]);
    expect([...work.latches]).toEqual([['P1-1', ['over-current']]]);
    expect(work.inputs).toEqual(['fire']);
    expect(work.commands.map(({ commandId }) => commandId)).toEqual([uuid(1900)]);
    const now = recordsOf(again).map(({ body }) => body);
    expect(now.slice(0, -1)).toEqual(before);
    expect(now.at(-1)).toMatchObject({ code: 'store-damaged', detail: expect.stringContaining('sessions') });
    expect(recordsOf(again).map(({ seq }) => seq)).toEqual(now.map((_record, i) => i + 1));
    expect(again.storage.ledger.admit(startCommand({ commandId: uuid(1900) }), at)).toBe('known');
  });

  test('a broken page of the outbox loses only itself, and every CDR is told again: the cloud knows them by their ids', () => {
    const site = busySite();
    const ids = new Set(Array.from({ length: CHARGES }, (_, i) => uuid(4001 + i)));
    site.storage.close();
    const [, second = 0] = pagesOf(site.path, 'outbox');
    overwrite(site.path, second, garbage);
    const again = openStorage(site.folder);
    expect(new Set(cdrIdsOf(again))).toEqual(ids);
    expect(cdrIdsOf(again)).toHaveLength(CHARGES);
    expect(kindsOf(again)).toContain('session.started');
  });

  test('a document that is not what was stored is damage, though SQLite does not see it; its row alone is lost', () => {
    const site = busySite();
    site.storage.close();
    const raw = new Database(site.path);
    raw.exec(`INSERT INTO latches VALUES ('P7-1', '["over')`);
    raw.close();
    const again = openStorage(site.folder);
    expect([...again.storage.ledger.openWork(at).latches]).toEqual([['P1-1', ['over-current']]]);
    again.storage.refresh();
    expect(again.storage.health.damage).toContain('not JSON');
    expect(recordsOf(again).at(-1)?.body).toMatchObject({
      code: 'store-damaged',
      detail: expect.stringMatching(/latches$/),
    });
  });

  test('a file that was cut off keeps what is left', () => {
    const site = busySite();
    site.storage.close();
    truncateSync(site.path, 30 * PAGE_BYTES);
    const again = openStorage(site.folder);
    expect(again.storage.health.damage).not.toBeNull();
    expect(kindsOf(again).at(-1)).toBe('alarm.raised');
    expect(again.commit(closingOf(500))).toBe(true);
  });

  test('found while it runs: the commit that meets it is stored in the store that takes its place', () => {
    const site = busySite();
    const { storeEpoch } = site.storage.ledger;
    site.storage.close();
    const { store, ledger, damages } = openRescued(site.path);
    const pages = pagesOf(site.path, 'outbox');
    store.database.pragma('wal_checkpoint(TRUNCATE)');
    store.database.pragma('shrink_memory');
    for (const page of pages) overwrite(site.path, page, garbage);
    ledger.commit(closingOf(700), at);
    expect(ledger.storeEpoch).not.toBe(storeEpoch);
    expect(damages).toHaveLength(1);
    const told = (ledger.nextBatch(ALL)?.records ?? []).filter(({ body }) => body.kind === 'session.ended');
    expect(told.map(({ body }) => (body.cdr as { cdrId: string }).cdrId)).toContain(uuid(4700));
    expect(told).toHaveLength(CHARGES + 1);
    expect(ledger.openWork(at).sessions.map(({ sessionId }) => sessionId)).toEqual([site.running.sessionId]);
  });

  test('found by an acknowledgement: it counts for the store that it was told of, and not for the one that takes its place', () => {
    const { store, ledger, damages } = openRescued();
    const session = sessionOn(1);
    ledger.commit({ session: null, records: Array.from({ length: 20 }, (_, i) => alarm(i + 1)) }, at);
    acknowledge(ledger, 20);
    ledger.commit(open(session, started(session)), at);
    const { storeEpoch } = ledger;
    damageAtNext(store.database, 'DELETE FROM outbox');
    expect(acknowledge(ledger, 21), 'nobody has told the cloud of the new record 1').toEqual([]);
    expect(damages).toHaveLength(1);
    expect(ledger.storeEpoch).not.toBe(storeEpoch);
    expect((ledger.nextBatch(ALL)?.records ?? []).map(({ seq, body }) => `${seq} ${body.kind}`)).toEqual([
      '1 session.started',
      '2 alarm.raised',
    ]);
    expect(ledger.ackedSeq()).toBe(0);
    expect(ledger.openWork(at).sessions.map(({ acknowledged }) => acknowledged)).toEqual([false]);
  });

  test('the power fails when the damaged store has gone and the new one has no name yet: the next start gives it one', () => {
    const site = busySite();
    const before = kindsOf(site);
    site.storage.close();
    renameSync(site.path, `${site.path}.new`);
    expect(kindsOf(openStorage(site.folder))).toEqual(before);
  });

  test('the power fails while the new store is being made: it is made again', () => {
    const site = busySite();
    const before = kindsOf(site);
    site.storage.close();
    writeFileSync(`${site.path}.new`, 'half of it');
    const [page = 0] = pagesOf(site.path, 'sessions').slice(2);
    overwrite(site.path, page, garbage);
    expect(kindsOf(openStorage(site.folder))).toEqual([...before, 'alarm.raised']);
    expect(existsSync(`${site.path}.new`)).toBe(false);
  });

  test('quarantine does not fill the disk: the oldest of six goes', () => {
    const { folder, path, storage } = busySite();
    storage.close();
    for (let n = 0; n < 6; n += 1) {
      writeFileSync(path, `garbage ${n}`);
      openStorage(folder).storage.close();
    }
    const kept = readdirSync(join(folder, 'quarantine')).map((name) =>
      readFileSync(join(folder, 'quarantine', name, 'ledger.db'), 'utf8'),
    );
    expect(kept.sort()).toEqual([1, 2, 3, 4, 5].map((n) => `garbage ${n}`));
  });
});
