import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'vitest';
import { pass, Stand, until } from '../stand/stand.ts';
import { beginCharge, expectOnce, expectTrueCdr, flowedWh } from './charges.ts';
import { garbage, quarantined } from './damage.ts';

/** Goal: whatever happens to the samples, billing goes on untouched, and what is lost of them is on record. */

const everySecond = { ballastMb: 1, ledgerMaxMb: 8, samplesMaxMb: 1, sampleEverySeconds: 1 };
const samplesOf = ({ dataDir }: Stand) => join(dataDir, 'samples.db');
/** Samples are written in groups of 10 s, looked after every 5 s. */
const WRITTEN_WITHIN_MS = 40_000;
/** A store that does not work is tried again after a minute. */
const AGAIN_WITHIN_MS = 100_000;

interface Stone {
  readonly reason: string;
  readonly count: number | null;
}

/** What the store of samples says that it has lost; null while it cannot be read. */
function lossesOf(stand: Stand): Stone[] | null {
  if (!existsSync(samplesOf(stand))) return null;
  let database: Database.Database | null = null;
  try {
    database = new Database(samplesOf(stand), { readonly: true });
    return database.prepare<[], Stone>(`SELECT reason, count FROM tombstones ORDER BY tombstone_id`).all();
  } catch {
    return null;
  } finally {
    database?.close();
  }
}

const sampleCount = (stand: Stand): number => {
  const database = new Database(samplesOf(stand), { readonly: true });
  try {
    return Number(database.prepare(`SELECT count(*) FROM samples`).pluck().get());
  } finally {
    database.close();
  }
};

test.concurrent('ED-11 samples.db is damaged in a charge: the charge and its record are untouched, and the loss is on record', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const stand = await Stand.open({ site: (site) => ({ ...site, storage: everySecond }) });
  onTestFinished(() => stand.close());
  const charge = await beginCharge(stand, 'A1');
  await until('samples are written', WRITTEN_WITHIN_MS, () => lossesOf(stand)?.length === 0);
  const database = new Database(samplesOf(stand));
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
  garbage(samplesOf(stand));
  await until('the loss is on record', WRITTEN_WITHIN_MS, () => (lossesOf(stand)?.length ?? 0) > 0);
  expect(lossesOf(stand)?.[0]).toMatchObject({ reason: 'damaged' });
  expect(quarantined(stand)).toBe(1);
  await until('samples are written again', WRITTEN_WITHIN_MS, () => sampleCount(stand) > 0);
  expect(stand.view('A1')?.status).toBe('charging');
  expect(stand.view('A1')?.faults).toEqual([]);
  stand.stop('A1');
  expect((await expectTrueCdr(stand, charge)).marks).toEqual([]);
  expectOnce(stand);
  expect(stand.cloud.complaints).toEqual([]);
  expect(stand.cloud.recordsOf('alarm.raised')).toEqual([]);
});

test.concurrent('ED-11 samples.db cannot be written: charges go on, and what was not stored is counted when it can be again', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const stand = await Stand.open({ site: (site) => ({ ...site, storage: everySecond }) });
  onTestFinished(() => stand.close());
  await stand.edge.stop();
  for (const end of ['', '-wal', '-shm']) rmSync(samplesOf(stand) + end, { force: true });
  mkdirSync(samplesOf(stand));
  await stand.restart();
  const charge = await beginCharge(stand, 'A1');
  const isTold = () => stand.edge.log.some(({ msg }) => msg === 'samples are not stored; billing does without them');
  await until('it is on the log', WRITTEN_WITHIN_MS, isTold);
  expect((await stand.pilectl('storage')).stdout).toMatch(
    /charges +may begin\n.*\n.*\nsamples +not stored at present\n/,
  );
  await until('it has something to bill', 20_000, async () => (await flowedWh(stand, charge)) > 2);
  stand.stop('A1');
  expect((await expectTrueCdr(stand, charge)).marks).toEqual([]);
  rmSync(samplesOf(stand), { recursive: true });
  await until('the loss is on record', AGAIN_WITHIN_MS, () => (lossesOf(stand)?.length ?? 0) > 0);
  await pass(500);
  expect(lossesOf(stand)).toEqual([{ reason: 'not-stored', count: expect.any(Number) }]);
  expect(lossesOf(stand)?.[0]?.count).toBeGreaterThan(20);
  expectOnce(stand);
  expect(stand.cloud.complaints).toEqual([]);
});
