import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { alarms, openLedger, openRescued, at as stamp, tempFolder } from './testing.ts';
import { checkWal } from './wal-check.ts';

const FRAME_BYTES = 24 + 4096;

/** The WAL of a store with so many commits, as it is while they have not been brought into the database. */
function walOf(commits: number): string {
  const { path, ledger } = openLedger();
  for (let n = 1; n <= commits; n += 1) ledger.commit(alarms(n), stamp);
  const wal = join(tempFolder(), 'wal');
  copyFileSync(`${path}-wal`, wal);
  return wal;
}

function flip(wal: string, at: number): void {
  const bytes = readFileSync(wal);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(wal, bytes);
}

/** Where the frames begin that end a transaction. */
function commitFrames(wal: string): number[] {
  const bytes = readFileSync(wal);
  const frames = Array.from({ length: (bytes.length - 32) / FRAME_BYTES }, (_, i) => 32 + i * FRAME_BYTES);
  return frames.filter((at) => bytes.readUInt32BE(at + 4) !== 0);
}

describe('ED-11 a WAL that has lost commits', () => {
  test('one that is whole, that is begun anew over an older one, or is not there, is left alone', () => {
    checkWal(join(tempFolder(), 'none'));
    checkWal(walOf(30));
    const { path, ledger, database } = openLedger();
    for (let n = 1; n <= 30; n += 1) ledger.commit(alarms(n), stamp);
    database.pragma('wal_checkpoint(RESTART)');
    ledger.commit(alarms(31), stamp);
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(30 * FRAME_BYTES);
    checkWal(`${path}-wal`);
  });

  test.each([
    ['a byte of a page', 24 + 1000],
    ['a salt', 8],
    ['a checksum', 16],
  ])('%s, with a later transaction behind it, is damage', (_, offset) => {
    const wal = walOf(10);
    flip(wal, (commitFrames(wal).at(-3) ?? 0) + offset);
    expect(() => checkWal(wal)).toThrow(/its WAL is not what was written from byte \d+ on/);
  });

  test('a byte of its header is damage', () => {
    const wal = walOf(3);
    flip(wal, 17);
    expect(() => checkWal(wal)).toThrow('the header of its WAL');
  });

  test('the last transaction, torn or not written in order, is what a power cut leaves', () => {
    const wal = walOf(10);
    const [before = 0] = commitFrames(wal).slice(-2);
    flip(wal, before + FRAME_BYTES + 24);
    checkWal(wal);
    truncateSync(wal, statSync(wal).size - 1000);
    checkWal(wal);
    truncateSync(wal, 20);
    checkWal(wal);
  });

  test('the store that has lost them is replaced, with an alarm, and what is left of it comes over', () => {
    const from = openLedger();
    for (let n = 1; n <= 10; n += 1) from.ledger.commit(alarms(n), stamp);
    const path = join(tempFolder(), 'ledger.db');
    for (const end of ['', '-wal']) copyFileSync(from.path + end, path + end);
    flip(`${path}-wal`, (commitFrames(`${path}-wal`).at(-4) ?? 0) + 100);
    const { ledger, damages } = openRescued(path);
    expect(damages.map(({ reason }) => reason)).toEqual([expect.stringContaining('its WAL is not what was written')]);
    expect(ledger.storeEpoch).not.toBe(from.ledger.storeEpoch);
    const records = ledger.nextBatch({ records: 100, bytes: 1e6 })?.records ?? [];
    const codes = records.map(({ body }) => (body.kind === 'alarm.raised' ? body.code : body.kind));
    expect(codes.slice(-1)).toEqual(['store-damaged']);
    expect(codes.filter((code) => code === 'pile-fault')).toHaveLength(6);
  });
});
