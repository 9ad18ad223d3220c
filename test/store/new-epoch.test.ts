import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RecordBody } from '#shared/wire/records.ts';
import { type ChargingSite, openChargingSite } from '../../cloud/testing/charging-site.ts';
import { connectFakeEdge, type FakeEdge } from '../../cloud/testing/fake-edge.ts';
import { reported, started } from '../../cloud/testing/records.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { restoreBackup } from '../../edge/ledger/restore.ts';
import { alarm, openStorage, tempFolder } from '../../edge/ledger/testing.ts';
import { sessionOf } from './session-of.ts';

/** The edge's real ledger against the cloud's real ingest: what a store tells a second time, under another epoch. */

const clock = createTestClock();
let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

/** One charge from the partner's start to its end, all in a ledger; nothing of it has been sent. */
async function chargeInLedger(name: string) {
  const site = await openChargingSite(cloud, name);
  const order = (await site.start()).body;
  const command = await site.takeStart();
  const folder = tempFolder();
  const opened = openStorage(folder);
  const begin = started(site.edge, command);
  const session = sessionOf(command, begin.sessionId);
  const at = site.edge.stamp();
  opened.storage.ledger.admit(command, at);
  opened.commit({ session: { session, open: true }, records: [begin, reported(command.commandId, 'done')] });
  opened.commit({
    session: null,
    records: [{ ...alarm(1), alarmId: crypto.randomUUID(), connectorId: site.connectorId() }],
  });
  const finish = () => {
    const ended = site.ended(begin.sessionId, command.orderId);
    opened.commit({ session: { session, open: false }, records: [ended] });
  };
  return { site, order, folder, ...opened, session, finish };
}

/** Sends everything that waits, as the link does. */
async function send(site: ChargingSite, ledger: Ledger) {
  await site.edge.close();
  site.edge = await connectFakeEdge(cloud.brokerUrl, site.stage, clock, { storeEpoch: ledger.storeEpoch });
  const edge: FakeEdge = site.edge;
  const running = ledger.openWork(edge.stamp()).sessions;
  await edge.hello({
    streams: [{ stream: 'events', headSeq: ledger.headSeq(), ackedSeq: ledger.ackedSeq() }],
    runningSessions: running.map(({ sessionId, connectorId }) => ({ sessionId, connectorId })),
  });
  const batch = ledger.nextBatch({ records: 200, bytes: 1e6 });
  const ack = await edge.batch(batch?.records ?? []);
  ledger.acknowledge(ack);
  return ack;
}

/** Everything that the cloud knows and that must be there once. */
async function known(site: ChargingSite) {
  const { db } = cloud.context;
  const { siteId } = site.stage;
  const orders = await db.selectFrom('orders').selectAll().where('site_id', '=', siteId).execute();
  const cdrs = await db
    .selectFrom('cdrs')
    .select(['cdr_id', 'document_sha256'])
    .where('site_id', '=', siteId)
    .execute();
  const alarms = await db.selectFrom('alarms').select(['alarm_id', 'code']).where('site_id', '=', siteId).execute();
  const letters = await db.selectFrom('dead_letters').select('code').where('site_id', '=', siteId).execute();
  const orderIds = orders.map((order) => order.order_id);
  const exceptions = await db.selectFrom('exceptions').select('code').where('order_id', 'in', orderIds).execute();
  return { orders, cdrs, alarms, letters, exceptions, events: await site.eventTypes(), rows: await site.countRows() };
}

test('XC-06 SY-01 a backup that tells everything again under its new epoch changes nothing in the cloud, and goes on', async () => {
  const { site, folder, storage, finish } = await chargeInLedger('restored');
  finish();
  const file = join(folder, 'backup.db');
  await storage.backUp(file);
  expect((await send(site, storage.ledger)).refused).toEqual([]);
  const before = await known(site);
  expect(before).toMatchObject({
    orders: [{ state: 'completed' }],
    letters: [],
    exceptions: [],
    events: ['charge.started', 'charge.ended'],
  });
  expect([before.cdrs.length, before.alarms.length]).toEqual([1, 1]);
  storage.close();
  restoreBackup(file, folder, clock.wallMs());
  const again = openStorage(folder);
  const ack = await send(site, again.storage.ledger);
  expect(ack).toMatchObject({ ackedSeq: again.storage.ledger.headSeq(), refused: [] });
  expect(await known(site)).toEqual(before);
  again.commit({ session: null, records: [{ ...alarm(2), alarmId: crypto.randomUUID() }] });
  expect((await send(site, again.storage.ledger)).refused).toEqual([]);
  expect((await known(site)).alarms).toHaveLength(2);
});

test('ED-11 SY-01 what a damaged store had not told yet reaches the cloud once, from the store that took its place', async () => {
  const { site, folder, storage, finish } = await chargeInLedger('salvaged');
  expect((await send(site, storage.ledger)).refused).toEqual([]);
  finish();
  storage.close();
  const file = openSync(join(folder, 'ledger.db'), 'r+');
  // The first page of something that is not needed any more: the check at the start finds it.
  writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, 4096 * 4);
  closeSync(file);
  const again = openStorage(folder);
  expect(again.storage.health.damage).not.toBeNull();
  expect((await send(site, again.storage.ledger)).refused).toEqual([]);
  const after = await known(site);
  expect(after).toMatchObject({ orders: [{ state: 'completed' }], letters: [], exceptions: [] });
  expect(after.cdrs).toHaveLength(1);
  expect(after.alarms.map(({ code }) => code).sort()).toEqual(['pile-fault', 'store-damaged']);
  expect(after.events).toEqual(['charge.started', 'charge.ended']);
});

test('ED-11 a record that was dropped after the cloud had stored it stays stored there, and is no conflict', async () => {
  const { site } = await chargeInLedger('dropped');
  const body: RecordBody = { ...alarm(1), alarmId: crypto.randomUUID() };
  const dropped: RecordBody = {
    kind: 'record.dropped',
    droppedKind: 'alarm.raised',
    reason: 'outbox-full',
    at: site.edge.stamp(),
  };
  const first = { seq: 1, at: site.edge.stamp(), body };
  expect(await site.edge.batch([first])).toMatchObject({ ackedSeq: 1, refused: [] });
  const second = [1, 2].map((seq) => ({ seq, at: site.edge.stamp(), body: dropped }));
  expect(await site.edge.batch(second)).toMatchObject({ ackedSeq: 2, refused: [] });
  expect(await site.edge.batch(second)).toMatchObject({ ackedSeq: 2, refused: [] });
  const after = await known(site);
  expect([after.alarms.length, after.letters]).toEqual([1, []]);
});
