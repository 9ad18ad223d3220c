import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { openStreamClient, type StreamClient } from '../testing/stream-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { forgetChanges } from './read-changes.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let other: Stage;
let edge: FakeEdge;
const open: StreamClient[] = [];

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'stream', connectors: 2 });
  other = await setTheStage(cloud, { name: 'stream-other' });
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  await edge.hello();
});
afterEach(async () => {
  for (const one of open.splice(0)) {
    one.close();
    await one.closed();
  }
  await expect.poll(places).toBe(0);
});
afterAll(async () => {
  await edge?.close();
  await cloud?.stop();
});

const places = async () => (await cloud.context.db.selectFrom('status_streams').selectAll().execute()).length;
const connect = async (query = '', key = stage.key): Promise<StreamClient> => {
  const client = await openStreamClient(cloud.httpUrl, clock, key, query);
  open.push(client);
  return client;
};
const newKey = (body: object = {}) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/keys`, {
    environment: 'sandbox',
    scopes: ['read'],
    ...body,
  });
/** What a client holds that keeps the last that it was told of each connector. */
const kept = (client: StreamClient): Record<string, string> => {
  const held: Record<string, string> = {};
  for (const message of client.messages) {
    const told = message.type === 'snapshot' ? message.statuses : message.type === 'changes' ? message.changes : [];
    for (const one of told) held[one.connector_id] = one.status;
  }
  return held;
};
const [first, second] = ['stream-c1', 'stream-c2'];

describe('OP-11 the stream of status changes', () => {
  test('begins with what is, and tells what changes, with when it was seen; nothing is told twice', async () => {
    const client = await connect();
    await expect.poll(() => client.messages.length).toBeGreaterThan(0);
    expect(client.messages[0]).toMatchObject({
      type: 'snapshot',
      reason: 'begin',
      part: 1,
      parts: 1,
      statuses: [
        { connector_id: 'stream-c1', status: 'unknown', observed_at: null, freshness_s: null },
        { connector_id: 'stream-c2', status: 'unknown' },
        { connector_id: 'stream-other-c1', status: 'unknown' },
      ],
    });
    const seenAt = new Date(clock.wallMs()).toISOString();
    await edge.state(first, { status: 'available' });
    await expect.poll(() => client.changes()).toEqual([`${first}:unknown>available@1`]);
    expect(client.messages.at(-1)).toMatchObject({
      type: 'changes',
      position: '1',
      changes: [{ site_id: stage.siteId, changed_at: seenAt, observed_at: seenAt, freshness_s: 0 }],
    });
    await edge.state(first, { status: 'available' });
    await edge.state(first, { status: 'plugged' });
    await expect.poll(() => client.changes()).toHaveLength(2);
    expect(client.changes()[1]).toBe(`${first}:available>plugged@2`);
  });

  test('a connector of which nothing fresh comes becomes unknown, told once', async () => {
    const client = await connect();
    await edge.state(second, { status: 'charging' });
    await expect.poll(() => kept(client)[second]).toBe('charging');
    clock.advance(15_001);
    await expect.poll(() => kept(client)[second]).toBe('unknown');
    expect(client.changes().filter((one) => one.includes('>unknown') && one.startsWith(second))).toHaveLength(1);
    const last = client.messages.flatMap((one) => (one.type === 'changes' ? one.changes : [])).at(-1);
    expect(last?.freshness_s).toBeGreaterThan(15);
    const pulled = await stage.partner.call('GET', '/v1/connector-status');
    expect(pulled.body.statuses.map((one: { status: string }) => one.status)).toEqual([
      'unknown',
      'unknown',
      'unknown',
    ]);
  });

  test('whoever comes back with the last position gets what he has missed, and no snapshot', async () => {
    const before = await connect();
    await edge.state(first, { status: 'available' });
    await expect.poll(() => kept(before)[first]).toBe('available');
    const position = before.position();
    before.close();
    await before.closed();
    await edge.state(first, { status: 'plugged' });
    await edge.state(first, { status: 'charging' });
    const after = await connect(`?after=${position}`);
    await expect
      .poll(() => after.changes().map((one) => one.split('@')[0]))
      .toEqual([`${first}:available>plugged`, `${first}:plugged>charging`]);
    expect(after.messages.filter((one) => one.type === 'snapshot')).toEqual([]);
    const idle = await connect(`?after=${after.position()}`);
    await expect.poll(() => idle.messages).toMatchObject([{ type: 'heartbeat', position: after.position() }]);
  });

  test('a position that is forgotten, or was never given, gets a clear word and a snapshot', async () => {
    const ahead = await connect('?after=999999999');
    await expect.poll(() => ahead.messages[0]).toMatchObject({ type: 'snapshot', reason: 'position-unknown' });
    await cloud.context.db.updateTable('status_positions').set({ position: 0 }).where('name', '=', 'floor').execute();
    await expect
      .poll(async () => {
        const rows = await cloud.context.db.selectFrom('status_positions').selectAll().execute();
        return new Set(rows.filter((row) => row.name !== 'floor').map((row) => row.position)).size;
      })
      .toBe(1);
    await forgetChanges(cloud.context.db, clock.wallMs() + 1);
    const left = await cloud.context.db.selectFrom('status_changes').select('connector_id').execute();
    expect(left.map((row) => row.connector_id).sort()).toEqual([first, second]);
    const old = await connect('?after=1');
    await expect.poll(() => old.messages[0]).toMatchObject({ type: 'snapshot', reason: 'position-too-old' });
    expect(kept(old)).toMatchObject(kept(ahead));
  });

  test('it can be narrowed to a station, and shows only what the partner may use', async () => {
    const narrowed = await connect(`?site_id=${other.siteId}`);
    await expect.poll(() => Object.keys(kept(narrowed))).toEqual(['stream-other-c1']);
    const all = await connect();
    await expect.poll(() => Object.keys(kept(all))).toHaveLength(3);
    await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/access`, {
      environment: 'sandbox',
      stations: 'listed',
      site_ids: [other.siteId],
      reason: 'contract',
    });
    await expect
      .poll(() => all.messages.at(-1))
      .toMatchObject({
        type: 'snapshot',
        reason: 'stations-changed',
        statuses: [{ connector_id: 'stream-other-c1' }],
      });
    await edge.state(first, { status: 'available' });
    await edge.state(first, { status: 'faulted' });
    const told = await connect(`?after=${all.position()}`);
    await expect.poll(() => told.messages.at(-1)?.type).toBe('heartbeat');
    expect(told.changes()).toEqual([]);
    await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/access`, {
      environment: 'sandbox',
      stations: 'all',
      site_ids: [],
      reason: 'contract',
    });
    await expect.poll(() => kept(told)[first]).toBe('faulted');
  });

  test('OP-04 the stream of a key that is disabled, revoked or suspended ends', async () => {
    const path = `/staff/v1/partners/${stage.partnerId}`;
    const ends: [string, string][] = [
      ['disable', 'keys'],
      ['revoke', 'keys'],
      ['suspend', 'partner'],
    ];
    for (const [how, of] of ends) {
      const key = await newKey();
      const client = await connect('', key);
      await expect.poll(() => client.messages.length).toBe(1);
      const target = of === 'keys' ? `${path}/keys/${key.key_id}/${how}` : `${path}/${how}`;
      await staffPost(cloud.app, cloud.staffToken, target, { reason: 'a test' });
      expect([how, await client.closed()]).toEqual([how, 4001]);
    }
    await staffPost(cloud.app, cloud.staffToken, `${path}/resume`, { reason: 'a test' });
  });

  test('OP-07 an upgrade that is not signed, not signed for this, or lacks the scope is refused, and no other route is a stream', async () => {
    await expect(connect('', { key_id: stage.key.key_id, secret: 'guess' })).rejects.toThrow('401 auth.bad_signature');
    await expect(connect('?site_id=a b')).rejects.toThrow(/^40\d /);
    await expect(connect('?after=-1')).rejects.toThrow('400 request.invalid');
    const key = await newKey({ scopes: ['orders'] });
    await expect(connect('', key)).rejects.toThrow('403 auth.forbidden');
    const plain = await stage.partner.call('GET', '/v1/status-stream');
    expect([plain.status, plain.body.code]).toEqual([400, 'request.invalid']);
  });

  test('OP-08 a key has so many streams at a time, and no more, by rotations neither', async () => {
    const key = await newKey();
    for (let n = 0; n < 5; n += 1) await connect('', key);
    await expect(connect('', key)).rejects.toThrow('429 stream.too_many');
    const path = `/staff/v1/partners/${stage.partnerId}/keys/${key.key_id}/rotate`;
    const next = await staffPost(cloud.app, cloud.staffToken, path, { overlap_s: 60 });
    await expect(connect('', next)).rejects.toThrow('429 stream.too_many');
    open[0]?.close();
    await expect.poll(() => connect('', key).then(() => 'open', String)).toBe('open');
  });
});
