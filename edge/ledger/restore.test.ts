import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { startCommand, uuid } from '../control/testing.ts';
import { restoreBackup } from './restore.ts';
import { acknowledge, alarms, at, closingOf, open, openStorage, sessionOn, started, tempFolder } from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

const ALL = { records: 10_000, bytes: 1e9 };

/** A site that has been backed up in the middle of a charge, and has gone on since. */
async function backedUp() {
  const folder = tempFolder();
  const site = openStorage(folder);
  const running = sessionOn(900, 'P9-1');
  site.commit(closingOf(1));
  acknowledge(site.storage.ledger, site.storage.ledger.headSeq());
  site.storage.ledger.admit(startCommand({ commandId: uuid(77) }), at);
  site.commit(open(running, started(running)));
  site.commit({ session: null, records: [], latched: { connectorId: 'P1-1', faults: ['over-current'] } });
  const file = join(folder, 'backup.db');
  await site.storage.backUp(file);
  return { ...site, folder, running, file };
}

describe('XC-06 a backup of the running ledger', () => {
  test('commits go on while it is made, and one that exists is not overwritten', async () => {
    const folder = tempFolder();
    const site = openStorage(folder);
    for (let n = 1; n <= 400; n += 1)
      site.commit({
        session: null,
        records: alarms(n).records.map((r) => ({ ...r, detail: 'x'.repeat(4000) }) as typeof r),
      });
    const file = join(folder, 'backup.db');
    const made = site.storage.backUp(file);
    let commits = 0;
    let isMade = false;
    void made.then(() => {
      isMade = true;
    });
    while (!isMade) {
      expect(site.commit(alarms(1000 + commits))).toBe(true);
      commits += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(commits).toBeGreaterThan(3);
    await expect(site.storage.backUp(file)).rejects.toThrow(/exists already/);
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });

  test('restored it is another store: a new epoch, its records numbered from 1, the present store kept', async () => {
    const { storage, folder, running, file, commit } = await backedUp();
    const { storeEpoch } = storage.ledger;
    commit(closingOf(2));
    storage.close();
    const present = readFileSync(join(folder, 'ledger.db'));
    const { keptAt } = restoreBackup(file, folder, at.wallMs);
    expect(readFileSync(keptAt ?? '').equals(present)).toBe(true);
    const again = openStorage(folder);
    const { ledger } = again.storage;
    expect(ledger.storeEpoch).not.toBe(storeEpoch);
    expect(ledger.ackedSeq()).toBe(0);
    const work = ledger.openWork(at);
    expect(work.sessions).toEqual([{ ...running, marks: ['recovered'], acknowledged: false }]);
    expect([...work.restored], 'never to be adopted as running').toEqual([running.sessionId]);
    expect([...work.latches]).toEqual([['P1-1', ['over-current']]]);
    expect(ledger.admit(startCommand({ commandId: uuid(77) }), at)).toBe('known');
    const records = ledger.nextBatch(ALL)?.records ?? [];
    expect(records.map(({ seq, body }) => `${seq} ${body.kind}`)).toEqual([
      '1 command.reported',
      '2 session.started',
      // The cloud may never have heard of it; if it has, it knows it by its id.
      '3 session.ended',
    ]);
    expect(again.storage.health.damage).toBeNull();
    expect(readdirSync(folder).filter((name) => /restore|new/.test(name))).toEqual([]);
  });

  test('the power fails when the former ledger has gone: the next start takes up the restored one', async () => {
    const { storage, folder, file } = await backedUp();
    storage.close();
    restoreBackup(file, folder, at.wallMs);
    // As it is between the two moves.
    renameSync(join(folder, 'ledger.db'), join(folder, 'ledger.db.new'));
    expect([...openStorage(folder).storage.ledger.openWork(at).restored]).toHaveLength(1);
  });

  test('what a restore that was cut off has left behind is gone with the next start, and is no ledger', async () => {
    const { storage, folder } = await backedUp();
    const { storeEpoch } = storage.ledger;
    storage.close();
    mkdirSync(join(folder, 'ledger.db.restore'));
    writeFileSync(join(folder, 'ledger.db.restore', 'ledger.db'), 'half of it');
    writeFileSync(join(folder, 'ledger.db.new'), 'whole, but not in place');
    expect(openStorage(folder).storage.ledger.storeEpoch).toBe(storeEpoch);
    expect(readdirSync(folder).filter((name) => /restore|new/.test(name))).toEqual([]);
  });

  test('a loss that nobody has confirmed is in its backup as well', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'ledger.db'), 'x'.repeat(50_000));
    const { storage } = openStorage(folder);
    const file = join(folder, 'backup.db');
    await storage.backUp(file);
    storage.close();
    restoreBackup(file, folder, at.wallMs);
    expect(openStorage(folder).storage.health).toMatchObject({ mayCharge: false, unconfirmedLoss: ['everything'] });
  });

  test('a restored session is over for good once it is stored as over', async () => {
    const { storage, folder, running, file } = await backedUp();
    storage.close();
    restoreBackup(file, folder, at.wallMs);
    const again = openStorage(folder);
    again.commit({ session: { session: running, open: false }, records: [] });
    expect(again.storage.ledger.openWork(at)).toMatchObject({ sessions: [], restored: new Set() });
  });

  test.each([
    ['is not there', (file: string) => `${file}.other`, /there is no file/],
    ['is no database', (file: string) => damaged(file, (bytes) => bytes.fill(0x55, 0, 100)), /is no database/],
    [
      'is damaged',
      (file: string) => damaged(file, (bytes) => bytes.fill(0x55, 8192, 20_000)),
      /is damaged|is no database/,
    ],
  ])('a file that %s is refused, and nothing is touched', async (_, change, reason) => {
    const { storage, folder, file } = await backedUp();
    storage.close();
    const before = readFileSync(join(folder, 'ledger.db'));
    expect(() => restoreBackup(change(file), folder, at.wallMs)).toThrow(reason);
    expect(readFileSync(join(folder, 'ledger.db')).equals(before)).toBe(true);
    expect(readdirSync(folder)).not.toContain('quarantine');
  });
});

function damaged(file: string, change: (bytes: Buffer) => void): string {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(`${file}.damaged`, bytes);
  return `${file}.damaged`;
}
