import { type KyselyPlugin, sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Batch, RecordEnvelope } from '#shared/wire/messages.ts';
import { systemRandom } from '../random.ts';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { exampleTariff, type Stage, setTheStage } from '../testing/fixtures.ts';
import { ended } from '../testing/records.ts';
import { silentDown } from '../testing/silent-down.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { handleBatch } from './batch.ts';
import type { KnownSite } from './incoming.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let edge: FakeEdge;
let runs = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());
afterEach(() => edge?.close());

async function setUp(): Promise<void> {
  runs += 1;
  stage = await setTheStage(cloud, { name: `batch${runs}` });
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
}

const connectorId = () => stage.connectorIds[0] ?? '';

function alarm(seq: number, change: object = {}): RecordEnvelope {
  const body = {
    kind: 'alarm.raised',
    alarmId: systemRandom.uuid(),
    code: 'over-temperature',
    severity: 'warning',
    pileId: 'p',
    connectorId: connectorId(),
    sessionId: null,
    detail: `alarm ${seq}`,
    ...change,
  };
  return { seq, at: edge.stamp(), body };
}

const siteOf = ({ siteId, shard }: Stage): KnownSite => ({ siteId, shard, environment: 'sandbox' });
const eventsOf = (records: RecordEnvelope[]): Batch => ({
  v: 1,
  siteId: stage.siteId,
  storeEpoch: edge.storeEpoch,
  stream: 'events',
  records,
});

const storedSeqs = async () => {
  const rows = await cloud.context.db
    .selectFrom('site_records')
    .select('seq')
    .where('site_id', '=', stage.siteId)
    .orderBy('seq')
    .execute();
  return rows.map((row) => row.seq);
};
const alarmCount = async () => {
  const rows = await cloud.context.db
    .selectFrom('alarms')
    .select('alarm_id')
    .where('site_id', '=', stage.siteId)
    .execute();
  return rows.length;
};
const deadLetters = () =>
  cloud.context.db
    .selectFrom('dead_letters')
    .selectAll()
    .where('site_id', '=', stage.siteId)
    .orderBy('dead_letter_id')
    .execute();

test('ED-21 an alarm about the site as a whole is taken, and stands there without a pile', async () => {
  await setUp();
  const nobody = { code: 'site-emergency-stop', severity: 'critical', pileId: null, connectorId: null };
  expect(await edge.batch([alarm(1, nobody)])).toMatchObject({ ackedSeq: 1, refused: [] });
  const row = await cloud.context.db
    .selectFrom('alarms')
    .selectAll()
    .where('site_id', '=', stage.siteId)
    .executeTakeFirstOrThrow();
  expect(row).toMatchObject({ code: 'site-emergency-stop', pile_id: null, connector_id: null, detail: 'alarm 1' });
});

test('SY-01 records are applied once and in order; duplicates are acknowledged again', async () => {
  await setUp();
  const records = [alarm(1), alarm(2), alarm(3)];
  expect(await edge.batch(records)).toMatchObject({ ackedSeq: 3, refused: [], stream: 'events' });
  expect(await edge.batch(records)).toMatchObject({ ackedSeq: 3, refused: [] });
  expect(await edge.batch([...records.slice(1), alarm(4)])).toMatchObject({ ackedSeq: 4 });
  expect(await storedSeqs()).toEqual([1, 2, 3, 4]);
  expect(await alarmCount()).toBe(4);
});

test('SY-01 an old batch that comes late takes nothing back', async () => {
  await setUp();
  const [first, second] = [alarm(1), alarm(2)];
  await edge.batch([first, second]);
  expect(await edge.batch([first])).toMatchObject({ ackedSeq: 2 });
});

test('SY-01 behind a gap nothing is applied, and the acknowledgement says where to go on', async () => {
  await setUp();
  await edge.batch([alarm(1)]);
  expect(await edge.batch([alarm(3), alarm(4)])).toMatchObject({ ackedSeq: 1, refused: [] });
  expect(await edge.batch([alarm(2), alarm(4)])).toMatchObject({ ackedSeq: 2 });
  expect(await storedSeqs()).toEqual([1, 2]);
});

const dropped = (seq: number, count?: number): RecordEnvelope => ({
  seq,
  at: edge.stamp(),
  body: {
    kind: 'record.dropped',
    droppedKind: 'alarm.raised',
    reason: 'outbox-full',
    ...(count === undefined ? {} : { count }),
    at: edge.stamp(),
  },
});

test('SY-01 ED-11 one record stands for a range that was dropped, and the stream goes on behind it', async () => {
  await setUp();
  const records = [alarm(1), dropped(2), dropped(40, 38), alarm(41)];
  expect(await edge.batch(records)).toMatchObject({ ackedSeq: 41, refused: [] });
  expect(await edge.batch(records)).toMatchObject({ ackedSeq: 41, refused: [] });
  expect(await storedSeqs()).toEqual([1, 2, 40, 41]);
  expect(await deadLetters()).toEqual([]);
});

test('SY-01 a range that was dropped may begin before what is here already, and never behind a hole', async () => {
  await setUp();
  expect(await edge.batch([alarm(1), alarm(2), alarm(3)])).toMatchObject({ ackedSeq: 3 });
  expect(await edge.batch([dropped(9, 5)])).toMatchObject({ ackedSeq: 3, refused: [] });
  expect(await edge.batch([dropped(9, 8), alarm(10)])).toMatchObject({ ackedSeq: 10, refused: [] });
  // It grew when neighbours were dropped, and the acknowledgement was lost.
  expect(await edge.batch([dropped(10, 9), dropped(12, 11)])).toMatchObject({ ackedSeq: 12, refused: [] });
  expect(await storedSeqs()).toEqual([1, 2, 3, 9, 10, 12]);
  expect([await alarmCount(), await deadLetters()]).toEqual([4, []]);
});

test('SY-03.b a record under a number that was told to be dropped is kept aside', async () => {
  await setUp();
  await edge.batch([dropped(5, 5), alarm(6)]);
  expect(await edge.batch([alarm(3), dropped(4)])).toMatchObject({
    ackedSeq: 6,
    refused: [{ seq: 3, code: 'wire.conflict', detail: 'record 3 was told to be dropped' }],
  });
  expect((await deadLetters()).map(({ seq, code }) => [seq, code])).toEqual([[3, 'wire.conflict']]);
});

test('SY-01 the same batch twenty times at once has one effect', async () => {
  await setUp();
  const records = [alarm(1), alarm(2)];
  const down = silentDown();
  const batch = eventsOf(records);
  await Promise.all(Array.from({ length: 20 }, () => handleBatch({ ...cloud.context, down }, siteOf(stage), batch)));
  expect(await storedSeqs()).toEqual([1, 2]);
  expect(await alarmCount()).toBe(2);
});

test('SY-01 a record that cannot be accepted parks only itself, is told, and is told again', async () => {
  await setUp();
  const bad = alarm(2, { code: 'no-such-fault' });
  const nul = alarm(3, { detail: 'a\u0000b' });
  const unknown = { seq: 4, at: edge.stamp(), body: { kind: 'from.the.future', x: 1 } };
  const orphan = {
    seq: 5,
    at: edge.stamp(),
    body: ended(edge, stage, {
      sessionId: systemRandom.uuid(),
      orderId: systemRandom.uuid(),
      connectorId: connectorId(),
      startMs: clock.wallMs(),
    }),
  };
  const records = [alarm(1), bad, nul, unknown, orphan, alarm(6)];
  const ack = await edge.batch(records);
  expect(ack.ackedSeq).toBe(6);
  expect(ack.refused.map(({ seq, code }) => [seq, code])).toEqual([
    [2, 'wire.schema'],
    [4, 'wire.schema'],
    [5, 'record.refused'],
  ]);
  expect(ack.refused[0]?.detail).toContain('code');
  expect(await alarmCount()).toBe(3);
  expect((await edge.batch(records)).refused).toEqual(ack.refused);
  const letters = await deadLetters();
  expect(letters.map((letter) => letter.seq)).toEqual([2, 4, 5]);
  expect(JSON.parse(letters[0]?.payload ?? '')).toEqual(bad);
});

test('SY-01 SY-03.b another content under a known identity is kept aside and overwrites nothing', async () => {
  await setUp();
  const first = alarm(1);
  await edge.batch([first]);
  const forged = alarm(1, { detail: 'another story' });
  expect(await edge.batch([forged])).toMatchObject({ ackedSeq: 1, refused: [{ seq: 1, code: 'wire.conflict' }] });
  await edge.batch([forged]);
  expect((await deadLetters()).map((letter) => letter.code)).toEqual(['wire.conflict']);
  const stored = await cloud.context.db
    .selectFrom('site_records')
    .select('body')
    .where('site_id', '=', stage.siteId)
    .execute();
  expect(JSON.parse(stored[0]?.body ?? '')).toEqual(first.body);
});

test('SY-03.a a new store begins its own count', async () => {
  await setUp();
  await edge.batch([alarm(1), alarm(2)]);
  await edge.close();
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  expect((await edge.hello()).cursors).toEqual([{ stream: 'events', ackedSeq: 0 }]);
  expect(await edge.batch([alarm(1)])).toMatchObject({ ackedSeq: 1 });
  expect(await alarmCount()).toBe(3);
});

test('SY-05 the welcome says where the store stands', async () => {
  await setUp();
  await edge.batch([alarm(1), alarm(2), alarm(3)]);
  expect(await edge.hello()).toMatchObject({
    storeEpoch: edge.storeEpoch,
    connectionEpoch: edge.connectionEpoch,
    serverWallMs: clock.wallMs(),
    cursors: [{ stream: 'events', ackedSeq: 3 }],
    accepts: { batchesInFlight: 4, streams: ['events', 'samples'] },
  });
});

test('SY-01 an acknowledgement names the sending that it answers, also behind a gap', async () => {
  await setUp();
  const head = { v: 1, siteId: stage.siteId, storeEpoch: edge.storeEpoch, stream: 'events' };
  await edge.publish('batch', { ...head, sendNo: 71, records: [alarm(2)] });
  await edge.publish('batch', { ...head, sendNo: 72, records: [alarm(1)] });
  expect(await edge.take('ack')).toMatchObject({ sendNo: 71, ackedSeq: 0 });
  expect(await edge.take('ack')).toMatchObject({ sendNo: 72, ackedSeq: 1 });
});

test('SY-01 the acknowledgement goes out only after the commit', async () => {
  await setUp();
  const acks: number[] = [];
  const down = silentDown({
    ack: async (_site: unknown, message: { ackedSeq: number }) => {
      // Another connection's view: what is acknowledged must be readable by now.
      const row = await cloud.context.db
        .selectFrom('cursors')
        .select('acked_seq')
        .where('site_id', '=', stage.siteId)
        .executeTakeFirst();
      expect(row?.acked_seq).toBe(message.ackedSeq);
      acks.push(message.ackedSeq);
    },
  });
  const batch = eventsOf([alarm(1)]);
  await handleBatch({ ...cloud.context, down }, siteOf(stage), batch);
  expect(acks).toEqual([1]);
});

test('SY-01 a mistake of ours in one record undoes its writes, parks it, and the stream goes on', async () => {
  await setUp();
  const warn = (fields: { detail: string }) => {
    if (fields.detail === 'alarm 2') throw new TypeError('after the row was written');
  };
  const logger = Object.assign(Object.create(cloud.context.logger), { warn });
  const ack = vi.fn();
  const down = silentDown({ ack });
  const records = [alarm(1), alarm(2), alarm(3)];
  const batch = eventsOf(records);
  await handleBatch({ ...cloud.context, logger, down }, siteOf(stage), batch);
  expect(ack.mock.calls[0]?.[1]).toMatchObject({ ackedSeq: 3, refused: [{ seq: 2, code: 'record.refused' }] });
  expect(await alarmCount()).toBe(2);
});

test('SY-01 when the database fails nothing is acknowledged and nothing kept', async () => {
  await setUp();
  const ack = vi.fn();
  const down = silentDown({ ack });
  const batch = eventsOf([alarm(1), alarm(2)]);
  const error = vi.fn(() => {
    throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
  });
  const logger = Object.assign(Object.create(cloud.context.logger), { warn: error });
  await expect(handleBatch({ ...cloud.context, logger, down }, siteOf(stage), batch)).rejects.toThrow('deadlock');
  expect(error).toHaveBeenCalled();
  expect(ack).not.toHaveBeenCalled();
  expect(await storedSeqs()).toEqual([]);
});

test('SY-01 of alarms that are applied together, one that the database refuses is parked by itself', async () => {
  await setUp();
  await sql`alter table alarms add constraint only_so_hot check (detail <> 'too hot to store')`.execute(
    cloud.context.db,
  );
  const records = [
    alarm(1),
    alarm(2, { detail: 'too hot to store' }),
    alarm(3),
    alarm(4, { code: 'unheard-of' }),
    alarm(5),
  ];
  const ack = await edge.batch(records);
  await sql`alter table alarms drop constraint only_so_hot`.execute(cloud.context.db);
  expect(ack).toMatchObject({
    ackedSeq: 5,
    refused: [
      { seq: 2, code: 'record.refused' },
      { seq: 4, code: 'wire.schema' },
    ],
  });
  expect(await storedSeqs()).toEqual([1, 2, 3, 4, 5]);
  expect(await alarmCount()).toBe(3);
  expect((await deadLetters()).map(({ seq }) => seq)).toEqual([2, 4]);
});

/** Charges that were begun by card while the site was alone: the begin of each, then its end. */
const charges = (count: number): RecordEnvelope[] =>
  Array.from({ length: count }, (_, i) => {
    const sessionId = systemRandom.uuid();
    const startMs = clock.wallMs() - (count - i) * 3_600_000;
    const options = { sessionId, orderId: null, connectorId: connectorId(), startMs };
    const begin = {
      kind: 'session.started',
      sessionId,
      pileId: 'p',
      connectorId: connectorId(),
      orderId: null,
      commandId: null,
      tariff: { tariffId: exampleTariff.tariffId, version: exampleTariff.version },
      startedAt: edge.stamp(startMs),
      meterStartWh: 1_000,
      limitMa: 16_000,
    };
    return [begin, ended(edge, stage, options)];
  })
    .flat()
    .map((body, i) => ({ seq: i + 1, at: edge.stamp(), body }));

const completedCount = async () => {
  const rows = await cloud.context.db
    .selectFrom('orders')
    .innerJoin('cdrs', 'cdrs.order_id', 'orders.order_id')
    .select('orders.session_id')
    .where('orders.site_id', '=', stage.siteId)
    .where('state', '=', 'completed')
    .execute();
  return new Set(rows.map((row) => row.session_id)).size;
};

test('SY-02 a backlog of charges asks the database little, so that what is new does not wait long behind it', async () => {
  await setUp();
  let asked = 0;
  const counting: KyselyPlugin = {
    transformQuery({ node }) {
      asked += 1;
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  };
  const ack = vi.fn();
  const context = { ...cloud.context, db: cloud.context.db.withPlugin(counting), down: silentDown({ ack }) };
  const records = charges(50);
  await handleBatch(context, siteOf(stage), eventsOf(records));
  expect(ack.mock.calls[0]?.[1]).toMatchObject({ ackedSeq: 100, refused: [] });
  expect(await completedCount()).toBe(50);
  expect(asked / records.length).toBeLessThan(5);
});

test('SY-01 a charge that is refused among others takes none of them with it', async () => {
  await setUp();
  const records = charges(40);
  // Of another site: what its begin has written stays, and its end is put aside.
  const [wrong] = records.slice(61);
  if (wrong === undefined) throw new Error('no such record');
  const cdr = { ...(wrong.body as { cdr?: object }).cdr, siteId: 'elsewhere' };
  records[61] = { ...wrong, body: { kind: 'session.ended', cdr } };
  const ack = await edge.batch(records);
  expect(ack).toMatchObject({ ackedSeq: 80, refused: [{ seq: 62, code: 'wire.wrong_site' }] });
  expect((await deadLetters()).map(({ seq }) => seq)).toEqual([62]);
  expect(await completedCount()).toBe(39);
  expect(await storedSeqs()).toHaveLength(80);
});

test('SY-01 a record of which only the number can be read is refused by itself, and the stream goes on', async () => {
  await setUp();
  const unstamped = { ...alarm(2), at: { wallMs: 'noon' } };
  const bodiless = { seq: 3, at: edge.stamp() };
  const head = { v: 1, siteId: stage.siteId, storeEpoch: edge.storeEpoch, stream: 'events' };
  for (const records of [[alarm(1), unstamped, bodiless, alarm(4)], [unstamped]])
    await edge.publish('batch', { ...head, records });
  expect(await edge.take('ack')).toMatchObject({
    ackedSeq: 4,
    refused: [
      { seq: 2, code: 'wire.schema' },
      { seq: 3, code: 'wire.schema' },
    ],
  });
  expect(await edge.take('ack')).toMatchObject({ ackedSeq: 4, refused: [{ seq: 2, code: 'wire.schema' }] });
  const letters = await deadLetters();
  expect(letters.map(({ seq }) => seq)).toEqual([2, 3]);
  const { body } = JSON.parse(letters[0]?.payload ?? '');
  expect(body).toMatchObject({ kind: 'record.unreadable', told: unstamped });
  expect(body.why).toContain('at.wallMs');
  expect(await alarmCount()).toBe(2);
});
