import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { OccupancyRecord } from '#shared/wire/occupancy.ts';
import { recordBodySchema } from '#shared/wire/records.ts';
import { plugged, Rig, startCommand, stopCommand, tariff } from '../control/testing.ts';
import type { Ledger } from './ledger.ts';
import { openDatabase } from './open-database.ts';
import { restoreBackup } from './restore.ts';
import { salvage } from './salvage.ts';
import { alarm, at, openLedger, openStorage, tempFolder } from './testing.ts';

// Every commit is synced to a disk that others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

const MINUTE = 60_000;
const staying = { ...tariff, occupancy: { graceMinutes: 15, minutePriceE4: 5000 } };
const ALL = { records: 1000, bytes: 10_000_000 };
const unplugged = { ...plugged, status: 'unplugged' as const };

/** A charge that has ended, and its vehicle stays. */
function stayed(): Rig {
  const rig = new Rig()
    .toCharging(startCommand({ tariff: staying }))
    .acknowledge()
    .charge(5);
  rig.command(stopCommand(rig.session.sessionId));
  rig.proveOff();
  rig.send({ kind: 'durable', sessionId: rig.session.sessionId });
  return rig;
}

const transactions = (rig: Rig) => rig.orders.flatMap((order) => (order.kind === 'commit' ? [order.transaction] : []));

/** Takes up a process that was killed half a minute ago from what its ledger knows. */
function takenUp(ledger: Ledger, { wallMs, monoMs }: Rig): Rig {
  const occupancy = ledger.openWork(at).occupancies.get('P1-1') ?? null;
  const killed = occupancy?.stored ?? { wallMs, monoMs };
  return new Rig({ occupancy, wallMs: killed.wallMs, monoMs: killed.monoMs }).pass(30_000);
}

/** What the cloud is told of stays. */
function stays(ledger: Ledger): OccupancyRecord[] {
  const bodies = ledger.nextBatch(ALL)?.records.map(({ body }) => recordBodySchema.parse(body)) ?? [];
  return bodies.flatMap((body) => (body.kind === 'occupancy.ended' ? [body.occupancy] : []));
}

test('CH-09 ED-08 a stay is told of once and in full, wherever between two commits the power fails', () => {
  const rig = stayed();
  for (let minute = 0; minute < 35; minute += 1) rig.pass(MINUTE).see(plugged);
  rig.pass(1000).see(unplugged);
  const all = transactions(rig);
  for (let stored = 1; stored <= all.length; stored += 1) {
    const { ledger, reopen } = openLedger();
    for (const transaction of all.slice(0, stored)) ledger.commit(transaction, at);
    const again = reopen().ledger;
    const isClosed = again.nextBatch(ALL)?.records.some(({ body }) => body.kind === 'session.ended') === true;
    const next = takenUp(again, rig);
    next.see(plugged);
    while (next.monoMs + MINUTE < rig.monoMs) next.pass(MINUTE).see(plugged);
    next.pass(1000).see(unplugged);
    for (const transaction of transactions(next)) again.commit(transaction, at);
    const told = stays(again);
    expect(told).toHaveLength(isClosed ? 1 : 0);
    expect(again.openWork(at).occupancies.size).toBe(0);
    for (const { occupancyId, rating } of told) {
      expect(occupancyId).toBe(rig.cdr.occupancyId);
      expect([20 * 50, 21 * 50]).toContain(rating.totalMinor);
    }
  }
  expect(all.length).toBeGreaterThan(5);
});

test('CH-09 a stay and its record leave the disk together, or not at all', () => {
  const rig = stayed();
  rig.pass(20 * MINUTE).see(plugged);
  rig.pass(1000).see(unplugged);
  const { ledger, database } = openLedger();
  const all = transactions(rig);
  for (const transaction of all.slice(0, -1)) ledger.commit(transaction, at);
  const last = all.at(-1);
  if (last === undefined) throw new Error('nothing was ordered');
  database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`);
  const tooMuch = { ...last, records: [...last.records, alarm(1, 'x'.repeat(100_000))] };
  expect(() => ledger.commit(tooMuch, at)).toThrow(/full/);
  expect(ledger.openWork(at).occupancies.size).toBe(1);
  database.pragma('max_page_count = 1000000');
  ledger.commit(last, at);
  expect(ledger.openWork(at).occupancies.size).toBe(0);
  expect(ledger.nextBatch(ALL)?.records.at(-1)?.body.kind).toBe('occupancy.ended');
});

test('CH-09 a stay is read out of a damaged store; one out of a backup ended long since', async () => {
  const [closing] = transactions(stayed()).filter(({ session }) => session?.open === false);
  if (closing === undefined) throw new Error('no closing transaction');
  const folder = tempFolder();
  const site = openStorage(folder);
  site.commit(closing);
  await site.storage.backUp(join(folder, 'backup.db'));
  const rescued = openDatabase(join(folder, 'rescued.db'));
  salvage(join(folder, 'backup.db'), rescued, 'recovered', at.wallMs);
  expect(rescued.prepare('SELECT connector_id FROM occupancies').all()).toEqual([{ connector_id: 'P1-1' }]);
  rescued.close();
  site.storage.close();
  restoreBackup(join(folder, 'backup.db'), folder, at.wallMs);
  expect(openStorage(folder).storage.ledger.openWork(at).occupancies).toEqual(new Map());
});
