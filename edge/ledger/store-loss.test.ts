import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { healthInfluence } from '../runtime/controller-health.ts';
import { at, closingOf, open, openStorage, sessionOn, tempFolder } from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

/** A site with a welded contactor, hands at work, a fire, rules, and a charge. */
function guardedSite() {
  const folder = tempFolder();
  const site = openStorage(folder);
  site.commit({
    session: null,
    records: [],
    latched: { connectorId: 'P1-1', faults: ['contactor-welded'] },
    service: { connectorId: 'P1-1', service: { disabledBy: 'local:li', failedStarts: 0 } as never },
    inputs: { inputId: 'fire', latched: true },
  });
  site.storage.ledger.putRules(3, { rulesVersion: 3, rules: [] });
  site.commit(open(sessionOn(900, 'P9-1')));
  site.storage.close();
  return { folder, path: join(folder, 'ledger.db') };
}

/** A row of a table that is not what was stored. */
function spoil(path: string, table: string, column: string): void {
  const raw = new Database(path);
  raw.exec(`UPDATE ${table} SET ${column} = '["half'`);
  raw.close();
}

const refusals = ({ storage }: ReturnType<typeof openStorage>) =>
  healthInfluence({ storage: storage.health, ledgerLate: null }).refuse;

describe('ED-11 ED-07 what a damaged store has forgotten and must not', () => {
  test('no charge begins on an empty memory, over restarts as well, until somebody has confirmed it', () => {
    const { folder, path } = guardedSite();
    writeFileSync(path, 'x'.repeat(100_000));
    const told = { mayCharge: false, unconfirmedLoss: ['everything'], reason: expect.stringMatching(/confirm-store$/) };
    for (let start = 1; start <= 2; start += 1) {
      const again = openStorage(folder);
      expect(again.storage.health).toMatchObject(told);
      expect(refusals(again)).toEqual([{ fault: 'store-damaged', detail: expect.stringContaining('lost') }]);
      expect(again.commit(closingOf(start)), 'charges that run are ended as ever').toBe(true);
      again.storage.close();
    }
    const last = openStorage(folder);
    last.storage.confirmLoss();
    expect(last.told.at(-1)).toMatchObject({ mayCharge: true, unconfirmedLoss: [], reason: null });
    expect(refusals(last)).toEqual([]);
    last.storage.close();
    expect(openStorage(folder).storage.health).toMatchObject({ mayCharge: true, unconfirmedLoss: [] });
  });

  test.each([
    ['latches', 'faults'],
    ['service', 'body'],
    ['rules', 'document'],
  ])('%s of which a row cannot be read: the site says so', (table, column) => {
    const { folder, path } = guardedSite();
    spoil(path, table, column);
    writeOver(path);
    const again = openStorage(folder);
    expect(again.storage.health).toMatchObject({ mayCharge: false, unconfirmedLoss: [table] });
    expect(again.storage.ledger.openWork(at).inputs).toEqual(['fire']);
  });

  test('a second damage does not confirm the first', () => {
    const { folder, path } = guardedSite();
    spoil(path, 'latches', 'faults');
    writeOver(path);
    openStorage(folder).storage.close();
    spoil(path, 'service', 'body');
    writeOver(path);
    expect(openStorage(folder).storage.health.unconfirmedLoss).toEqual(['latches', 'service']);
  });

  test('what is no matter of safety asks nobody', () => {
    const { folder, path } = guardedSite();
    spoil(path, 'sessions', 'body');
    writeOver(path);
    const again = openStorage(folder);
    expect(again.storage.health).toMatchObject({ mayCharge: true, unconfirmedLoss: [], damage: expect.any(String) });
    const work = again.storage.ledger.openWork(at);
    expect([...work.latches]).toEqual([['P1-1', ['contactor-welded']]]);
    expect(work.service.get('P1-1')).toMatchObject({ disabledBy: 'local:li' });
    expect(again.storage.ledger.rules()).toMatchObject([{ version: 3, isActive: true }]);
  });

  test('commits that are missing from the journal may have been latches', () => {
    const { folder, path } = guardedSite();
    writeFileSync(`${path}-wal`, 'x'.repeat(5000));
    expect(openStorage(folder).storage.health).toMatchObject({ mayCharge: false, unconfirmedLoss: ['wal'] });
  });
});

/** The check at the start finds damage: the page of an index, which nobody needs, is garbage. */
function writeOver(path: string): void {
  const raw = new Database(path);
  const page = Number(
    raw.prepare(`SELECT pageno FROM dbstat WHERE name = 'sqlite_autoindex_sessions_1'`).pluck().get(),
  );
  raw.close();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, (page - 1) * 4096);
  closeSync(file);
}
