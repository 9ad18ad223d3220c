import { test } from 'vitest';
import { pass, Stand, until } from '../stand/stand.ts';
import { ACTS_WITHIN_MS, beginCharge, expectOnce, expectTrueCdr, stopTakesMs } from './charges.ts';
import { FailingDisk } from './failing-disk.ts';

/**
 * Goal: a disk that gives neither an answer nor an error holds up no stop, and lets no new charge begin. Method: every fsync of
 * the real edge takes 5 s, and then 40 s.
 */

const STALL_MS = 5000;
const LONG_STALL_MS = 40_000;
/** A ledger thread that does not turn is late after 10 s. */
const LATE_WITHIN_MS = 15_000;

test.concurrent('ED-08 ED-05.p fsync takes 5 s: stops from the cloud and on site act at once, and each record comes once', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const disk = new FailingDisk();
  onTestFinished(() => disk.remove());
  const stand = await Stand.open({ env: disk.env });
  onTestFinished(() => stand.close());
  onTestFinished(() => disk.heal());
  const [a, b] = [await beginCharge(stand, 'A1'), await beginCharge(stand, 'B1')];
  await stand.plug('C1');
  await pass(1500);

  disk.stall(STALL_MS, { name: '/data/ledger.db' });
  // Its own storing is what stalls.
  expect(await stopTakesMs(stand, 'A1', () => stand.stop('A1'))).toBeLessThan(ACTS_WITHIN_MS);
  await until('the ledger thread waits for the disk', 20_000, () => disk.hits > 0);
  // What follows is stored behind it.
  expect(await stopTakesMs(stand, 'B1', () => void stand.pilectl('disable', 'B1-1', '--stop-running'))).toBeLessThan(
    ACTS_WITHIN_MS,
  );
  expect(stand.cdrs()).toEqual([]);
  const late = stand.start('C1', { ttlMs: 6000 });
  const hits = disk.hits;
  await until('one commit after the other waits', 30_000, () => disk.hits >= hits + 2);
  disk.heal();
  await expectTrueCdr(stand, a);
  await expectTrueCdr(stand, b);
  expect(await stand.outcome(late)).toMatchObject({ status: 'failed' });
  const cdrs = stand.cdrs().map(({ pileId, stopReason, marks }) => ({ pileId, stopReason, marks }));
  expect(cdrs).toEqual(
    expect.arrayContaining([
      { pileId: 'A1', stopReason: 'partner', marks: [] },
      { pileId: 'B1', stopReason: 'staff', marks: [] },
    ]),
  );
  expect((await stand.station.pile('C1')).contactorEvents).toEqual([]);
  expectOnce(stand, [late]);
  expect(stand.cloud.complaints).toEqual([]);
});

test.concurrent('ED-08 ED-05.p fsync takes 40 s: a start that waits for it delivers nothing, new ones are refused by name, and a stop on site acts at once', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const disk = new FailingDisk();
  onTestFinished(() => disk.remove());
  const stand = await Stand.open({ env: disk.env });
  onTestFinished(() => stand.close());
  onTestFinished(() => disk.heal());
  const { pid } = stand.edge;
  const a = await beginCharge(stand, 'A1');
  await stand.plug('B1');
  await stand.plug('C1');
  await pass(1500);

  // The command itself is taken in; its session is what waits.
  disk.stall(LONG_STALL_MS, { name: '/data/ledger.db', from: 2, to: 2 });
  const hits = disk.hits;
  const waiting = stand.start('B1', { ttlMs: 15_000 });
  await until('the ledger thread waits for the disk', 20_000, () => disk.hits > hits);
  const stalledMs = performance.now();
  const unheard = stand.start('C1', { ttlMs: 15_000 });
  expect(await stopTakesMs(stand, 'A1', () => void stand.pilectl('disable', 'A1-1', '--stop-running'))).toBeLessThan(
    ACTS_WITHIN_MS,
  );
  await until('charges are refused', LATE_WITHIN_MS, async () =>
    /C1-1 .*storage-stalled/.test((await stand.pilectl('status')).stdout),
  );
  expect(performance.now() - stalledMs).toBeLessThan(LONG_STALL_MS);
  await expectTrueCdr(stand, a);
  expect(performance.now() - stalledMs).toBeGreaterThan(LONG_STALL_MS);
  expect(await stand.outcome(waiting)).toMatchObject({ status: 'failed', code: 'store.unavailable' });
  disk.heal();
  expect(await stand.outcome(unheard)).toMatchObject({ status: 'failed' });
  const { piles } = await stand.station.truth();
  expect(piles.filter(({ pileId }) => pileId !== 'A1').flatMap(({ contactorEvents }) => contactorEvents)).toEqual([]);
  await until('charges may begin', 30_000, () => stand.view('C1')?.faults.length === 0);
  const c = await beginCharge(stand, 'C1');
  stand.stop('C1');
  await expectTrueCdr(stand, c, 0);
  expectOnce(stand, [waiting, unheard]);
  expect(stand.edge.pid).toBe(pid);
});
