import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { MAX_BATCH_RECORDS } from '#shared/wire/messages.ts';
import { diskSpaceOf } from './space-watch.ts';
import {
  acknowledge,
  alarm,
  alarms,
  closingOf,
  mayMount,
  open,
  openStorage,
  sessionOn,
  smallDisk,
  tempFolder,
} from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

const ALL = { records: MAX_BATCH_RECORDS, bytes: 1e9 };
const lastKinds = (storage: ReturnType<typeof openStorage>['storage']) => {
  const records = storage.ledger.nextBatch({ records: 100_000, bytes: 1e9 })?.records ?? [];
  return records.slice(-2).map(({ body }) => body.kind);
};

/** Alarms of 20 kB each until one is not taken any more; bounded, so that a test that fails ends. */
function fill(commit: ReturnType<typeof openStorage>['commit'], from = 1): number {
  for (let n = from; n < from + 2000; n += 1)
    if (commit({ session: null, records: [alarm(n, 'x'.repeat(20_000))] }) !== true) return n;
  throw new Error('it never fills up');
}

/** Somebody else takes what is free, to the last page. */
function fillDisk(folder: string): void {
  for (const bytes of [1_000_000, 65_536, 4096]) {
    for (let n = 0; n < 100; n += 1) {
      try {
        writeFileSync(join(folder, `other-${bytes}-${n}`), Buffer.alloc(bytes, 1));
      } catch {
        break;
      }
    }
  }
}

describe('ED-11 a disk that is really full', () => {
  // Where nobody may mount, the cap below proves the same with SQLite's own limit.
  test.runIf(mayMount)('the ballast is given back, and the charge that runs ends with its CDR', () => {
    const folder = smallDisk('6m');
    const { storage, commit, told, pass } = openStorage(folder, { disk: () => diskSpaceOf(folder) });
    const closing = closingOf(1);
    const session = closing.session?.session ?? sessionOn(1);
    expect(commit(open(session))).toBe(true);
    expect(storage.health).toMatchObject({ ballast: 'held', mayCharge: true });
    expect(statSync(join(folder, 'ballast')).blocks * 512).toBe(1_048_576);
    fillDisk(folder);
    let n = 1;
    while (storage.health.ballast === 'held' && n < 3000) {
      commit(alarms(n));
      n += 1;
    }
    expect(storage.health).toMatchObject({ level: 'critical', ballast: 'released', mayCharge: false });
    expect(told.at(-1)?.reason).toMatch(/MB are free on the disk$/);
    expect(commit(closing)).toBe(true);
    expect(lastKinds(storage)).toContain('session.ended');
    expect(storage.ledger.openWork(closing.session?.session.startedAt as never).sessions).toEqual([]);
    pass(60_000);
    storage.tick();
    expect(storage.health.mayCharge).toBe(false);
  });

  test.runIf(mayMount)('a process that begins on a full disk opens its ledger by giving the ballast back', () => {
    const folder = smallDisk('6m');
    const first = openStorage(folder, { disk: () => diskSpaceOf(folder) });
    first.commit(alarms(1));
    first.storage.close();
    fillDisk(folder);
    const { storage } = openStorage(folder, { disk: () => diskSpaceOf(folder) });
    expect(storage.health).toMatchObject({ ballast: 'released', mayCharge: false });
    expect(storage.ledger.nextBatch(ALL)?.records).toHaveLength(1);
  });
});

describe("ED-11 the ledger's own cap", () => {
  test('before it is reached new charges are refused; at it the charge that runs still ends with its CDR', () => {
    const { storage, commit, told } = openStorage(tempFolder());
    const closing = closingOf(1);
    commit(open(closing.session?.session ?? sessionOn(1)));
    // Above the cap, within the reserve that is kept for what has begun.
    for (let n = 1; n < 1000 && storage.health.ledgerBytes < 1.06 * 8 * 1_048_576; n += 1) {
      expect(commit({ session: null, records: [alarm(n, 'x'.repeat(20_000))] })).toBe(true);
      storage.refresh();
    }
    expect(told.at(-1)).toMatchObject({ level: 'critical', mayCharge: false, ballast: 'held' });
    expect(told.at(-1)?.reason).toMatch(/^the ledger uses 1(0[5-9]|10) % of its 8 MB$/);
    expect(commit(closing)).toBe(true);
    expect(lastKinds(storage)).toContain('session.ended');
  });

  test('what the cloud takes makes room again: pages go back to the disk, and charges are taken again', () => {
    const folder = tempFolder();
    const { storage, commit, pass } = openStorage(folder);
    fill(commit);
    const before = statSync(join(folder, 'ledger.db')).size;
    acknowledge(storage.ledger, storage.ledger.headSeq());
    for (let n = 0; n < 12; n += 1) {
      pass(300_001);
      storage.tick();
    }
    expect(storage.health).toMatchObject({ level: 'ample', mayCharge: true });
    expect(statSync(join(folder, 'ledger.db')).size).toBeLessThan(before / 4);
    expect(statSync(join(folder, 'ledger.db-wal')).size).toBe(0);
    expect(fill(commit, 5000)).toBeGreaterThan(5300);
  });
});

describe('ED-11 the ballast', () => {
  test('is taken again only when there is room for it and more', () => {
    let freeBytes = 4e9;
    const { storage } = openStorage(tempFolder(), { disk: () => ({ totalBytes: 8e9, freeBytes }) });
    const at = (free: number) => {
      freeBytes = free;
      storage.tick();
      return `${storage.health.level} ${storage.health.ballast}`;
    };
    const critical = 64 * 1_048_576;
    const ballast = 1_048_576;
    expect(at(critical)).toBe('scarce held');
    expect(at(critical - 1)).toBe('critical released');
    expect(at(critical + ballast)).toBe('critical released');
    expect(at(critical * 1.25 + ballast - 1)).toBe('critical released');
    expect(at(critical * 1.25 + ballast)).toBe('scarce held');
  });

  test('a site that wants none has none', () => {
    const { storage } = openStorage(tempFolder(), {
      config: {
        ballastMb: 0,
        ledgerMaxMb: 8,
        samplesMaxMb: 1,
        sampleEverySeconds: 10,
        keepDays: 400,
        outboxMaxRecords: 1000,
      },
    });
    expect(storage.health).toMatchObject({ ballast: 'none', level: 'ample', mayCharge: true });
  });
});
