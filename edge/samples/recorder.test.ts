import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { uuid } from '../control/testing.ts';
import { at, mayMount, smallDisk } from '../ledger/testing.ts';
import { STATUSES } from './samples-schema.ts';
import { SamplesStore } from './samples-store.ts';
import { recorderRig } from './testing.ts';

// A disk that others keep busy takes its time.
vi.setConfig({ testTimeout: 60_000 });

const MIB = 1_048_576;

describe('ED-11 samples are written in groups', () => {
  test('after ten seconds, or when there are 200', () => {
    const { folder, recorder, sample, pass, count, look } = recorderRig();
    recorder.take([sample()], 'ample');
    pass(9999);
    recorder.tick('ample');
    expect(readdirSync(folder)).toEqual([]);
    pass(1);
    recorder.tick('ample');
    expect(count()).toBe(1);
    recorder.take(
      Array.from({ length: 199 }, () => sample()),
      'ample',
    );
    expect(count()).toBe(1);
    recorder.take([sample()], 'ample');
    expect(count()).toBe(201);
    expect(look((database) => database.prepare(`SELECT count(*) FROM names`).pluck().get())).toBe(3);
  });

  test('they come back as they were taken; null stays null', () => {
    const { recorder, sample, look } = recorderRig();
    const taken = STATUSES.map((status, i) => sample({ status, registerWh: i === 0 ? null : 1000 + i }));
    const silent = sample({
      status: 'offline',
      registerWh: null,
      currentMa: null,
      powerW: null,
      temperatureDc: null,
      sessionId: null,
      at: { ...at, clock: 'doubtful', bootId: uuid(901) },
    });
    recorder.take([...taken, sample({ connectorId: 'P2-1' }), silent], 'ample');
    recorder.close();
    const kept = look((database) => new SamplesStore(database).readAfter(0, 100));
    expect(kept.map(({ sample: one }) => one).filter(({ connectorId }) => connectorId === 'P1-1')).toEqual([
      ...taken,
      silent,
    ]);
    expect(kept.map(({ seq }) => seq)).toEqual(kept.map((_, i) => i + 1));
  });

  test('a row is small: numbers, and names only once', () => {
    const { recorder, run, path } = recorderRig();
    run(36_000);
    recorder.close();
    const bytesPerRow = statSync(path).size / (3600 * 20);
    expect(bytesPerRow).toBeLessThan(55);
  });
});

describe('ED-11 samples give way', () => {
  test('low: one a minute is taken, and what is older is thinned to that; the loss is on record', () => {
    const { run, count, stones } = recorderRig();
    run(6000);
    expect(count()).toBe(12_000);
    run(600, 20, 'low');
    // Ten minutes of one a minute; of 12,000, the newest 5,000 stay and the rest is thinned to a sixth.
    expect(count()).toBeGreaterThan(200 + 5000 + 7000 / 6 - 250);
    expect(count()).toBeLessThan(200 + 5000 + 7000 / 6 + 250);
    const [thinned] = stones().filter(({ reason }) => reason === 'thinned');
    expect(thinned).toMatchObject({ stream: 'samples', fromId: 1, fromWallMs: at.wallMs });
    const notTaken = stones().filter(({ reason }) => reason === 'not-taken');
    const told = [...notTaken, thinned].reduce((sum, stone) => sum + (stone?.count ?? 0), 0);
    expect(told + count()).toBeGreaterThanOrEqual(12_000 + 1200 - 120);
    expect(told + count()).toBeLessThanOrEqual(12_000 + 1200);
  });

  test('scarce: nothing is taken, and how much that was is told when there is room again', () => {
    const { run, count, stones } = recorderRig();
    run(100, 2);
    run(300, 2, 'scarce');
    expect(count()).toBeLessThanOrEqual(20);
    run(20, 2);
    expect(stones().filter(({ reason }) => reason === 'not-taken')).toEqual([
      {
        stream: 'samples',
        reason: 'not-taken',
        fromId: null,
        toId: null,
        fromWallMs: at.wallMs + 100_000,
        toWallMs: at.wallMs + 390_000,
        count: 60,
      },
    ]);
  });

  test('above its cap the oldest are thinned, then dropped: the file stays within it for years', () => {
    const { run, recorder, path, stones, count, look } = recorderRig({ maxBytes: MIB });
    run(60_000);
    expect(recorder.bytes).toBeLessThanOrEqual(1.1 * MIB);
    recorder.close();
    expect(statSync(path).size).toBeLessThan(1.4 * MIB);
    const by = (reason: string) => stones().filter((stone) => stone.reason === reason);
    expect([by('thinned').length, by('dropped').length]).toEqual([1, 1]);
    expect((by('thinned')[0]?.count ?? 0) + (by('dropped')[0]?.count ?? 0) + count()).toBe(120_000);
    const oldest = Number(look((database) => database.prepare(`SELECT min(sample_id) FROM samples`).pluck().get()));
    expect(by('dropped')[0]?.toId).toBeLessThan(oldest);
  });
});

describe('ED-11 a samples store that fails disturbs nobody', () => {
  test('a damaged one is quarantined and made anew, and knows that something is gone', () => {
    const { path, recorder, sample, folder, count, stones, troubles } = recorderRig();
    writeFileSync(path, 'x'.repeat(20_000));
    recorder.take([sample()], 'ample');
    recorder.close();
    expect(count()).toBe(1);
    expect(stones()).toMatchObject([{ reason: 'damaged', count: null, toWallMs: at.wallMs }]);
    expect(readdirSync(join(folder, 'quarantine'))).toHaveLength(1);
    expect(troubles).toEqual([]);
  });

  test('damage met while it runs costs one group, which is counted', () => {
    const { path, recorder, run, sample, pass, stones, troubles, count } = recorderRig();
    run(4000);
    recorder.close();
    const bytes = Buffer.alloc(4096 * 4, 0x11);
    const file = new Database(path);
    file.pragma('wal_checkpoint(TRUNCATE)');
    const [page = 0] = file
      .prepare<[], number>(`SELECT pageno FROM dbstat WHERE name = 'samples' ORDER BY pageno DESC`)
      .pluck()
      .all();
    file.close();
    const content = readFileSync(path);
    bytes.copy(content, (page - 4) * 4096);
    writeFileSync(path, content);
    recorder.take([sample()], 'ample');
    pass(10_000);
    recorder.tick('ample');
    recorder.take([sample()], 'ample');
    pass(70_000);
    recorder.tick('ample');
    expect(troubles).toHaveLength(1);
    expect(stones().map(({ reason, count: lost }) => `${reason} ${lost}`)).toEqual(['damaged null', 'not-stored 1']);
    expect(count()).toBe(1);
  });

  test.runIf(mayMount)('a full disk loses samples, and counts them', () => {
    const folder = smallDisk('1m');
    writeFileSync(join(folder, 'other'), Buffer.alloc(900_000, 1));
    const { run, troubles, recorder, pass, sample, stones } = recorderRig({ folder });
    run(1000);
    expect(troubles.length).toBeGreaterThan(0);
    writeFileSync(join(folder, 'other'), '');
    pass(60_000);
    recorder.take([sample()], 'ample');
    pass(10_000);
    recorder.tick('ample');
    expect(stones().filter(({ reason }) => reason === 'not-stored')[0]?.count).toBeGreaterThan(100);
  });
});
