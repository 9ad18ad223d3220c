import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Ballast } from './ballast.ts';
import { SpaceWatch } from './space-watch.ts';
import { StoreInDoubt } from './store-trouble.ts';
import {
  alarms,
  at,
  closingOf,
  mayMount,
  open,
  openRescued,
  openStorage,
  sessionOn,
  smallDisk,
  tempFolder,
} from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

const MIB = 1_048_576;
const ALL = { records: 1000, bytes: 1e9 };

function watched(ballast: Ballast) {
  return new SpaceWatch({
    ballast,
    disk: () => ({ totalBytes: 8e9, freeBytes: 4e9 }),
    ledger: () => ({ usedBytes: 1, maxBytes: 1e9 }),
    monoMs: () => 0,
  });
}

describe('ED-11 the file system fails beside SQLite', () => {
  test('a ballast that cannot be written is told once and tried again; the site goes on without it', () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'ballast'));
    const { storage, logged, commit, time } = openStorage(folder);
    for (let n = 1; n <= 3; n += 1) {
      time.monoMs += 61_000;
      storage.tick();
    }
    expect(storage.health).toMatchObject({ ballast: 'failed', level: 'ample', mayCharge: true });
    expect(logged.filter((line) => line.includes('the ballast fails'))).toHaveLength(1);
    expect(commit(alarms(1))).toBe(true);
    rmSync(join(folder, 'ballast'), { recursive: true });
    storage.tick();
    expect(storage.health.ballast).toBe('held');
  });

  test.runIf(mayMount)(
    'a disk that has become read-only takes no ballast and gives none back, and nothing is thrown',
    () => {
      const folder = smallDisk('8m');
      const troubles: unknown[] = [];
      const ballast = new Ballast(join(folder, 'ballast'), MIB, (error) => troubles.push(error));
      const space = watched(ballast);
      expect(space.check().ballast).toBe('held');
      execFileSync('mount', ['-o', 'remount,ro', folder]);
      space.relieve();
      expect(troubles).toEqual([expect.objectContaining({ code: 'EROFS' })]);
      expect(ballast.state).toBe('failed');
      space.check();
      execFileSync('mount', ['-o', 'remount,rw', folder]);
      ballast.release();
      expect(ballast.state).toBe('released');
      expect(existsSync(ballast.path)).toBe(false);
    },
  );

  test('a disk that does not tell how much is free begins no charge, and says why', () => {
    let tells = false;
    const disk = () => {
      if (!tells) throw Object.assign(new Error('EIO: i/o error, statfs'), { code: 'EIO', syscall: 'statfs' });
      return { totalBytes: 8e9, freeBytes: 4e9 };
    };
    const { storage } = openStorage(tempFolder(), { disk });
    expect(storage.health).toMatchObject({
      level: 'critical',
      mayCharge: false,
      reason: expect.stringContaining('EIO: i/o error, statfs'),
    });
    tells = true;
    storage.tick();
    expect(storage.health).toMatchObject({ level: 'ample', mayCharge: true });
  });

  /** The ledger is damaged while it is in use, and there is no place to put it. */
  function damagedWithoutPlace() {
    const folder = tempFolder();
    const path = join(folder, 'ledger.db');
    const rescued = openRescued(path);
    rescued.ledger.commit(open(sessionOn(1)), at);
    rescued.store.close();
    writeFileSync(join(folder, 'quarantine'), 'in the way');
    writeFileSync(path, 'x'.repeat(50_000));
    onTestFinished(() => rmSync(join(folder, 'quarantine'), { recursive: true, force: true }));
    return { ...rescued, folder, path };
  }

  test('a damaged ledger that cannot be moved away is in doubt, and replaced as soon as it can be', () => {
    const { ledger, store, folder, damages } = damagedWithoutPlace();
    for (let n = 0; n < 2; n += 1) expect(() => ledger.commit(closingOf(2), at)).toThrow(StoreInDoubt);
    expect(store.isLost).toBe(true);
    expect(() => ledger.backlog()).toThrow(StoreInDoubt);
    expect(readdirSync(folder).sort()).toEqual(['ledger.db', 'quarantine']);
    rmSync(join(folder, 'quarantine'));
    ledger.commit(closingOf(2), at);
    expect(damages).toHaveLength(1);
    expect(ledger.nextBatch(ALL)?.records.map(({ body }) => body.kind)).toContain('session.ended');
  });

  test('the storage goes on meanwhile: a commit waits for its turn, and no charge begins', () => {
    const folder = tempFolder();
    const { storage, commit, time, logged } = openStorage(folder);
    commit(open(sessionOn(1)));
    const path = join(folder, 'ledger.db');
    storage.ledger.close();
    writeFileSync(join(folder, 'quarantine'), 'in the way');
    writeFileSync(path, 'x'.repeat(50_000));
    expect(commit(closingOf(2)), 'in doubt').toBeNull();
    time.monoMs += 61_000;
    storage.tick();
    expect(storage.health).toMatchObject({ mayCharge: false, reason: 'the ledger does not open' });
    rmSync(join(folder, 'quarantine'));
    expect(storage.ledger.backlog()).toBe(1);
    storage.refresh();
    expect(storage.health).toMatchObject({ damage: expect.any(String), unconfirmedLoss: ['everything'] });
    expect(logged.some((line) => line.includes('made anew'))).toBe(true);
  });
});
