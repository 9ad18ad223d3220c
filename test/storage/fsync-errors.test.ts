import { type TestContext, test } from 'vitest';
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

async function standOn({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const disk = new FailingDisk();
  onTestFinished(() => disk.remove());
  const stand = await Stand.open({ env: disk.env });
  onTestFinished(() => stand.close());
  onTestFinished(() => disk.heal());
  return { disk, stand };
}

/** Commands that could not be taken in: the edge has said so, and hands them to nobody. */
const refusals = ({ edge }: Stand) =>
  edge.log.filter(({ msg, topic }) => msg === 'message could not be stored' && String(topic).endsWith('/down/command'))
    .length;

test.concurrent('ED-08 ED-11 each fsync of a whole charge fails once: nothing is stored twice, nothing is lost, nothing flows unrecorded', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const { disk, stand } = await standOn({ onTestFinished });
  const commands: string[] = [];
  await stand.plug('A1');
  for (let n = 1; n <= 3; n += 1) {
    const hitsBefore = disk.hits;
    const before = await stand.station.pile('A1');
    disk.fail({ ...LEDGER, from: n, to: n });
    commands.push(stand.start('A1'));
    expect(await stand.outcome(commands.at(-1) ?? '')).toMatchObject({ status: 'done' });
    await stand.status('A1', 'charging');
    await until('current flows', 20_000, async () => (await stand.station.pile('A1')).powerW > 1000);
    disk.heal();
    disk.fail({ ...LEDGER, from: n, to: n });
    commands.push(stand.stop('A1'));
    await stand.cdr('A1');
    disk.heal();
    expect(disk.hits, `the fsync number ${n} has failed`).toBeGreaterThan(hitsBefore);
    await expectTrueCdr(stand, { pileId: 'A1', before }, 0);
    await stand.status('A1', 'plugged');
  }
  expect(closings(await stand.station.pile('A1'))).toBe(3);
  expect(stand.cdrs()).toHaveLength(3);
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
  for (let n = 1; n <= 4; n += 1) {
    const before = await stand.station.pile('A1');
    const [refusedBefore, hitsBefore] = [refusals(stand), disk.hits];
    disk.fail({ ...LEDGER, from: n });
    const command = stand.start('A1');
    commands.push(command);
    await until('it fails', 20_000, () => disk.hits > hitsBefore);
    await pass(3000);
    const hasDelivered = closings(await stand.station.pile('A1')) > closings(before);
    const isStored = storedSessions(stand).some(({ commandId }) => commandId === command);
    if (hasDelivered) expect(isStored, `call ${n}: it delivers, so it is stored`).toBe(true);
    disk.heal();
    await until('charges may begin', 30_000, () => stand.view('A1')?.faults.length === 0);
    const isTaken = refusals(stand) === refusedBefore;
    const isDone = isTaken && (await stand.outcome(command)).status === 'done';
    seen.push(isDone ? 'done' : isTaken ? 'undone' : 'refused');
    if (isDone) {
      await until('current flows', 20_000, async () => (await stand.station.pile('A1')).powerW > 1000);
      stand.stop('A1');
      await expectTrueCdr(stand, { pileId: 'A1', before }, 0);
    } else {
      await pass(1000);
      expect(await flowedWh(stand, { pileId: 'A1', before })).toBe(0);
    }
    await stand.status('A1', 'plugged');
  }
  // The command itself could not be taken in the first time, and could in the last ones.
  expect(seen[0]).toBe('refused');
  expect(new Set(seen).size).toBeGreaterThan(1);
  expectOnce(stand, commands);
});

test.concurrent('ED-08 ED-09 a charge that ends while fsync fails: the stop acts at once, and its record comes once, also when the edge is killed meanwhile', {
  timeout: 240_000,
}, async ({ expect, onTestFinished }) => {
  const { disk, stand } = await standOn({ onTestFinished });
  const [a, b] = [await beginCharge(stand, 'A1'), await beginCharge(stand, 'B1')];
  await stand.plug('C1');

  disk.fail(LEDGER);
  const refused = stand.start('C1', { ttlMs: 5000 });
  await until('the edge says that it cannot store it', 20_000, () => refusals(stand) > 0);
  await until('new charges are refused', 20_000, () => stand.view('C1')?.faults.includes('storage-full'));
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
