import { test } from 'vitest';
import { pass, Stand, until } from '../stand/stand.ts';
import {
  ACTS_WITHIN_MS,
  beginCharge,
  closings,
  expectOnce,
  expectTrueCdr,
  flowedWh,
  stopTakesMs,
  storedSessions,
} from './charges.ts';
import { FailingDisk } from './failing-disk.ts';

/**
 * Goal: an fsync that fails leaves nobody knowing what is on the disk, and still nothing is stored twice, nothing that was
 * acknowledged is lost, and nothing flows without a session. Method: the real edge with its fsync failing under it.
 */

/** Of the ledger alone: samples are not synced with every group. */
const LEDGER = { name: '/data/ledger.db' } as const;

type Context = Parameters<NonNullable<Parameters<typeof test>[1]>>[0];

async function standOn({ onTestFinished }: Pick<Context, 'onTestFinished'>) {
  const disk = new FailingDisk();
  onTestFinished(() => disk.remove());
  const stand = await Stand.open({ env: disk.env });
  onTestFinished(() => stand.close());
  onTestFinished(() => disk.heal());
  return { disk, stand };
}

/** The message that brought a command could not be stored, and the edge has said so. */
const refusals = ({ cloud }: Stand) =>
  cloud.complaints.filter((complaint) => complaint.includes('store.unavailable')).length;

test.concurrent('ED-08 ED-11 each fsync of a whole charge fails once: nothing is stored twice, nothing is lost, nothing flows unrecorded', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const { disk, stand } = await standOn({ onTestFinished });
  const commands: string[] = [];
  await stand.plug('A1');
  for (let n = 1; n <= 5; n += 1) {
    const hitsBefore = disk.hits;
    const before = await stand.station.pile('A1');
    disk.fail({ ...LEDGER, from: n, to: n });
    commands.push(stand.start('A1'));
    expect(await stand.outcome(commands.at(-1) ?? '')).toMatchObject({ status: 'done' });
    await stand.status('A1', 'charging');
    disk.heal();
    disk.fail({ ...LEDGER, from: n, to: n });
    commands.push(stand.stop('A1'));
    await stand.cdr('A1');
    disk.heal();
    expect(disk.hits, `the fsync number ${n} has failed`).toBeGreaterThan(hitsBefore);
    await expectTrueCdr(stand, { pileId: 'A1', before }, 0);
    await stand.status('A1', 'plugged');
  }
  expect(closings(await stand.station.pile('A1'))).toBe(5);
  expect(stand.cdrs()).toHaveLength(5);
  expectOnce(stand, commands);
  expect(stand.cloud.complaints).toEqual([]);
});

test.concurrent('ED-08 fsync fails from the n-th call of a start on: the pile delivers only when its session is on disk, and a start that is refused leaves nothing behind', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const { disk, stand } = await standOn({ onTestFinished });
  const commands: string[] = [];
  const seen: string[] = [];
  await stand.plug('A1');
  for (let n = 1; n <= 6; n += 1) {
    const before = await stand.station.pile('A1');
    const refusedBefore = refusals(stand);
    disk.fail({ ...LEDGER, from: n });
    const command = stand.start('A1');
    commands.push(command);
    await until('it fails', 20_000, () => disk.hits > 0 && (refusals(stand) > refusedBefore || disk.hits > 0));
    await pass(5000);
    const during = await stand.station.pile('A1');
    const isStored = storedSessions(stand).some(({ commandId }) => commandId === command);
    if (closings(during) > closings(before)) expect(isStored, `call ${n}: it delivers, so it is stored`).toBe(true);
    disk.heal();
    if (refusals(stand) === refusedBefore) await stand.outcome(command);
    const isDone = stand.cloud.outcomesOf(command)[0]?.status === 'done';
    seen.push(isDone ? 'done' : 'refused');
    if (isDone) {
      stand.stop('A1');
      await expectTrueCdr(stand, { pileId: 'A1', before }, 0);
    } else {
      await pass(2000);
      expect(closings(await stand.station.pile('A1'))).toBe(closings(before));
      expect(await flowedWh(stand, { pileId: 'A1', before })).toBe(0);
    }
    await stand.status('A1', 'plugged');
  }
  expect([...new Set(seen)].sort()).toEqual(['done', 'refused']);
  expectOnce(stand, commands);
});

test.concurrent('ED-08 ED-09 a charge that ends while fsync fails: the stop acts at once, and its record comes once, also when the edge is killed meanwhile', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const { disk, stand } = await standOn({ onTestFinished });
  const [a, b] = [await beginCharge(stand, 'A1'), await beginCharge(stand, 'B1')];
  await stand.plug('C1');

  disk.fail(LEDGER);
  const refused = stand.start('C1');
  await until('the edge says that it cannot store it', 20_000, () => refusals(stand) > 0);
  await until('new charges are refused', 20_000, () => (stand.view('C1')?.faults.length ?? 0) > 0);
  expect(await stopTakesMs(stand, 'A1', () => stand.stop('A1'))).toBeLessThan(ACTS_WITHIN_MS);
  await pass(5000);
  expect(stand.cdrs()).toEqual([]);
  disk.heal();
  await expectTrueCdr(stand, a);
  await until('charges may begin', 30_000, () => stand.view('C1')?.faults.length === 0);

  disk.fail(LEDGER);
  expect(await stopTakesMs(stand, 'B1', () => stand.stop('B1'))).toBeLessThan(ACTS_WITHIN_MS);
  await pass(3000);
  await stand.edge.kill('SIGKILL');
  disk.heal();
  await stand.restart();
  await expectTrueCdr(stand, b);
  expect((await stand.station.pile('C1')).contactorEvents).toEqual([]);
  const c = await beginCharge(stand, 'C1');
  stand.stop('C1');
  await stand.cdr('C1');
  expect(c.before.contactorEvents).toEqual([]);
  expectOnce(stand, [refused]);
  expect(stand.cdrs()).toHaveLength(3);
});
