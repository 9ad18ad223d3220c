import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { upTopic } from '#shared/wire/topics.ts';
import { systemRandom } from '../random.ts';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { parkMessage } from './dead-letters.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let edge: FakeEdge;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'messages' });
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  await edge.hello();
});
afterAll(async () => {
  await edge?.close();
  await cloud?.stop();
});

const connectorId = () => stage.connectorIds[0] ?? '';
const connector = async () => (await stage.partner.call('GET', `/v1/connectors/${connectorId()}`)).body;
const station = async () => (await stage.partner.call('GET', `/v1/stations/${stage.siteId}`)).body;

test('XC-08 what cannot be read is answered with a code and kept, and the link goes on', async () => {
  const cases: [string, string][] = [
    ['{"v":1,', 'wire.not_json'],
    ['\uFFFD\u0000', 'wire.not_json'],
    ['[]', 'wire.schema'],
    ['{"v":2}', 'wire.schema'],
    [
      JSON.stringify({ v: 1, siteId: 'another', connectionEpoch: systemRandom.uuid(), online: true }),
      'wire.wrong_site',
    ],
  ];
  for (const [payload, code] of cases) {
    await edge.publish('presence', payload);
    const nack = await edge.take('nack');
    expect(nack).toMatchObject({ code, topic: upTopic(stage.shard, stage.siteId, 'presence') });
    expect(nack.detail).not.toBe('');
  }
  const response = await cloud.app.inject({
    url: '/staff/v1/dead-letters',
    headers: { authorization: `Bearer ${cloud.staffToken}` },
  });
  const letters = response.json().dead_letters;
  expect(letters.map((letter: { code: string }) => letter.code).reverse()).toEqual(cases.map(([, code]) => code));
  expect(letters.at(-1).payload).toBe('{"v":1,');
  await edge.hello();
});

test('XC-08 a message that is too large is refused before it is parsed', async () => {
  await edge.publish('batch', ' '.repeat(1_048_577));
  expect(await edge.take('nack')).toMatchObject({ code: 'wire.schema', detail: expect.stringContaining('1048577') });
});

test('XC-08 a small message that is a large one when it is inflated is refused, and the link goes on', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000));
  await edge.publish('batch', bomb);
  expect(await edge.take('nack')).toMatchObject({ code: 'wire.schema', detail: expect.stringContaining('inflated') });
  await edge.hello();
});

test('SY-08 a compressed batch is applied as any other', async () => {
  expect((await edge.hello()).accepts?.encodings).toEqual(['gzip']);
  const body = { kind: 'record.dropped', droppedKind: 'alarm.raised', reason: 'outbox-full', at: edge.stamp() };
  const records = [{ seq: 1, at: edge.stamp(), body }];
  const batch = { v: 1, siteId: stage.siteId, storeEpoch: edge.storeEpoch, stream: 'events', records };
  await edge.publish('batch', gzipSync(JSON.stringify(batch)));
  expect(await edge.take('ack')).toMatchObject({ ackedSeq: 1, refused: [] });
});

test('XC-08 unreadable messages cannot fill the database, and those of one site do not put out those of others', async () => {
  const { db } = cloud.context;
  await db.deleteFrom('dead_letters').execute();
  const other = await setTheStage(cloud, { name: 'letters', tariff: null });
  const letters = (siteId: string, count: number) =>
    Array.from({ length: count }, (_, index) => ({
      source: 'message' as const,
      site_id: siteId,
      code: 'wire.not_json',
      reason: `old ${index}`,
      payload: '',
      payload_sha256: '',
      received_at_ms: 0,
    }));
  await db.insertInto('dead_letters').values(letters(other.siteId, 1_050)).execute();
  await db.insertInto('dead_letters').values(letters(stage.siteId, 300)).execute();
  const park = {
    source: 'message',
    siteId: stage.siteId,
    topic: 't',
    code: 'wire.not_json',
    reason: 'newest',
  } as const;
  await parkMessage(db, { ...park, payload: Buffer.from('x'), receivedAtMs: 1 });
  const rows = await db.selectFrom('dead_letters').select(['site_id', 'reason']).orderBy('dead_letter_id').execute();
  expect(rows.length).toBe(1_000);
  expect(rows.filter((row) => row.site_id === stage.siteId).length).toBe(100);
  expect(rows.at(-1)?.reason).toBe('newest');
});

test('XC-08 a nack from the site is kept and never answered', async () => {
  const before = edge.heard('nack');
  await edge.publish('nack', { v: 1, code: 'wire.schema', topic: 'pilegate/x', detail: 'tariff.bands: too small' });
  await edge.publish('nack', 'not json');
  await edge.hello();
  const kept = await cloud.context.db
    .selectFrom('dead_letters')
    .select('reason')
    .where('source', '=', 'edge-nack')
    .execute();
  expect(kept).toEqual([{ reason: 'tariff.bands: too small' }]);
  expect(edge.heard('nack')).toBe(before);
});

test('OP-11 status comes with its observation time and age, and turns unknown after 15 s of silence', async () => {
  expect((await connector()).status).toBe('unknown');
  const observedAtMs = clock.wallMs() - 1_000;
  await edge.state(connectorId(), { status: 'available', plugged: false, observedAtMs, powerW: 12 });
  await expect.poll(async () => (await connector()).status).toBe('available');
  clock.advance(4_000);
  expect(await connector()).toMatchObject({
    plugged: false,
    power_w: 12,
    observed_at: new Date(observedAtMs).toISOString(),
    received_at: new Date(observedAtMs + 1_000).toISOString(),
    freshness_s: 5,
  });
  expect(await station()).toMatchObject({ online: true });
  clock.advance(11_000);
  expect(await connector()).toMatchObject({ status: 'unknown', plugged: null, power_w: null, freshness_s: 16 });
});

test('SY-05 the will of this connection takes the site off line, an old will does not', async () => {
  await edge.hello();
  await edge.state(connectorId());
  const presence = { v: 1, siteId: stage.siteId, online: false };
  await edge.publish('presence', { ...presence, connectionEpoch: systemRandom.uuid() });
  // Messages of one site are handled in order: with this answer the one before has been handled too.
  await edge.publish('presence', 'not json');
  await edge.take('nack');
  expect(await station()).toMatchObject({ online: true });
  await edge.publish('presence', { ...presence, connectionEpoch: edge.connectionEpoch });
  await expect.poll(async () => (await station()).online).toBe(false);
});

test('SY-05 what was said before the will of a connection, and is looked at after it, does not bring the site back', async () => {
  await edge.hello();
  const presence = { v: 1, siteId: stage.siteId, connectionEpoch: edge.connectionEpoch, online: false };
  await edge.publish('presence', presence);
  await expect.poll(async () => (await station()).online).toBe(false);
  const states = cloud.context.db.selectFrom('connector_states').select('status');
  await edge.state(connectorId(), { status: 'stopping' });
  await expect
    .poll(async () => (await states.where('connector_id', '=', connectorId()).executeTakeFirst())?.status)
    .toBe('stopping');
  expect(await station()).toMatchObject({ online: false });
  await edge.hello();
  expect(await station()).toMatchObject({ online: true });
});

test('SY-05 a late state of an older connection is no heartbeat and overwrites nothing', async () => {
  await edge.hello();
  await edge.state(connectorId(), { status: 'charging' });
  await expect.poll(async () => (await connector()).status).toBe('charging');
  await edge.publish('state', {
    v: 1,
    siteId: stage.siteId,
    connectionEpoch: systemRandom.uuid(),
    at: edge.stamp(),
    connectors: [],
  });
  clock.advance(16_000);
  await edge.publish('state', {
    v: 1,
    siteId: stage.siteId,
    connectionEpoch: systemRandom.uuid(),
    at: edge.stamp(),
    connectors: [],
  });
  await edge.publish('nack', 'a message to wait for');
  await expect.poll(async () => (await station()).online).toBe(false);
});

test('SY-06 the state of a connector of another site is ignored', async () => {
  const other = await setTheStage(cloud, { name: 'foreign' });
  const foreign = other.connectorIds[0] ?? '';
  await edge.hello();
  await edge.state(foreign, { status: 'faulted' });
  await edge.state(connectorId(), { status: 'starting' });
  await expect.poll(async () => (await connector()).status).toBe('starting');
  expect((await other.partner.call('GET', `/v1/connectors/${foreign}`)).body.status).toBe('unknown');
});

test('XC-03 readiness: a probe has gone through the broker and come back, and the shards are leased and heard', async () => {
  expect((await cloud.app.inject('/readyz')).json()).toEqual({
    ready: true,
    database_reachable: true,
    shards_leased: 64,
    ingest: { broker_proven: true, lease_live: true, shards_owned: 64, shards_heard: 64 },
    // Nobody has told it yet whom to tell.
    alerts_deaf_levels: ['warning', 'critical', 'emergency'],
  });
  expect((await cloud.app.inject('/healthz')).json()).toEqual({ alive: true });
});
