import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../../db/connect.ts';
import { endingWith } from '../../db/transaction.ts';
import { type Stage, setTheStage, staffPost } from '../../testing/fixtures.ts';
import { createPartnerClient } from '../../testing/partner-client.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';
import { rotateKey } from '../key-lifecycle.ts';
import { createKeyUsage, forgetUsage, OTHER_SOURCES, WINDOW_MS } from './key-usage.ts';
import { watchKeys } from './watch-keys.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;

beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { trustedProxies: ['127.0.0.1'] } });
  stage = await setTheStage(cloud, { name: 'watch', tariff: null });
});
afterAll(() => cloud?.stop());

const path = () => `/staff/v1/partners/${stage.partnerId}`;
async function keyWithPast() {
  const wish = { environment: 'sandbox', scopes: ['read', 'control'] };
  const key = await staffPost(cloud.app, cloud.staffToken, `${path()}/keys`, wish);
  const client = createPartnerClient(cloud.app, clock, key);
  const look = (from: string) =>
    client.call('GET', '/v1/stations', undefined, { headers: { 'x-forwarded-for': from } });
  for (let n = 0; n < 12; n += 1) {
    await look('192.0.2.1');
    clock.advance(WINDOW_MS);
  }
  return { keyId: key.key_id as string, look };
}
async function watch() {
  await cloud.context.keyUsage.flush();
  await watchKeys(cloud.context);
}
const waitingForLocks = async (db: Db) =>
  (
    await sql<{ n: number }>`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
  ).rows[0]?.n;
const alarms = async (keyId: string) =>
  (await cloud.context.db.selectFrom('alarms').selectAll().where('code', '=', 'key.unusual').execute()).filter(
    ({ detail }) => detail.includes(keyId),
  );

test('OP-09 a key that is used from a new place is told to staff once, and goes on', async () => {
  const { keyId, look } = await keyWithPast();
  await look('192.0.2.1');
  await watch();
  expect(await alarms(keyId)).toEqual([]);
  await look('203.0.113.8');
  await watch();
  await watch();
  expect(await alarms(keyId)).toMatchObject([
    { severity: 'warning', partner_id: stage.partnerId, detail: expect.stringContaining('203.0.113.8') },
  ]);
  expect((await look('203.0.113.8')).status).toBe(200);
});

test('OP-09 what comes at the end of a window, when nobody looks any more, is told in the next one', async () => {
  const { keyId, look } = await keyWithPast();
  const endsMs = Math.ceil((clock.wallMs() + 1) / WINDOW_MS) * WINDOW_MS;
  clock.advance(endsMs - clock.wallMs() - 20_000);
  await look('203.0.113.7');
  clock.advance(25_000);
  await watch();
  expect(await alarms(keyId)).toMatchObject([{ detail: expect.stringContaining('203.0.113.7') }]);
});

test('OP-09 where the policy of the partner says so it is disabled at once, on record, until staff enable it', async () => {
  const { keyId, look } = await keyWithPast();
  await cloud.context.db.updateTable('partners').set({ suspends_unusual: true }).execute();
  await look('203.0.113.9');
  await watch();
  expect((await look('192.0.2.1')).body.code).toBe('auth.unknown_key');
  expect(await alarms(keyId)).toMatchObject([{ severity: 'critical', detail: expect.stringContaining('disabled') }]);
  const rows = await cloud.context.db.selectFrom('audit_log').selectAll().where('subject_id', '=', keyId).execute();
  expect(rows.at(-1)).toMatchObject({ actor_kind: 'system', action: 'partner_key.disable' });
  await staffPost(cloud.app, cloud.staffToken, `${path()}/keys/${keyId}/enable`, { reason: 'it is their new office' });
  await watch();
  expect((await look('203.0.113.9')).status).toBe(200);
  await cloud.context.db.updateTable('partners').set({ suspends_unusual: false }).execute();
});

test('OP-09 what a key does when staff enable it is usual from then on: it is not disabled for it again every hour', async () => {
  const { db } = cloud.context;
  const wish = { environment: 'sandbox', scopes: ['read', 'control'] };
  const key = await staffPost(cloud.app, cloud.staffToken, `${path()}/keys`, wish);
  const client = createPartnerClient(cloud.app, clock, key);
  const use = (endpointClass: 'read' | 'control', windows: number, agoWindows = 0) => {
    const lastMs = Math.floor(clock.wallMs() / WINDOW_MS) * WINDOW_MS - agoWindows * WINDOW_MS;
    const of = { family_id: key.key_id as string, class: endpointClass, source: '192.0.2.1', calls: 60 };
    const rows = Array.from({ length: windows }, (_, n) => ({ ...of, window_at_ms: lastMs - n * WINDOW_MS }));
    return db.insertInto('key_usage').values(rows).execute();
  };
  await use('read', 500, 1);
  await use('control', 1);
  await db.updateTable('partners').set({ suspends_unusual: true }).execute();
  await watch();
  const isTaken = async () => (await client.call('GET', '/v1/stations')).status === 200;
  expect(await isTaken()).toBe(false);
  const enable = `${path()}/keys/${key.key_id}/enable`;
  await staffPost(cloud.app, cloud.staffToken, enable, { reason: 'they start more than they look' });
  for (let n = 0; n < 14; n += 1) {
    clock.advance(WINDOW_MS);
    await use('control', 1);
    await watch();
  }
  await db.updateTable('partners').set({ suspends_unusual: false }).execute();
  expect(await isTaken()).toBe(true);
});

test('OP-09 a rotation gives a key no new past, and hides none: all that come from it are disabled', async () => {
  const { keyId, look } = await keyWithPast();
  const bystander = await keyWithPast();
  const rotate = (id: string) =>
    staffPost(cloud.app, cloud.staffToken, `${path()}/keys/${id}/rotate`, { overlap_s: 60 });
  const second = await rotate(keyId);
  const third = await rotate(second.key_id);
  const client = createPartnerClient(cloud.app, clock, third);
  await look('192.0.2.1');
  await client.call('GET', '/v1/stations', undefined, { headers: { 'x-forwarded-for': '192.0.2.1' } });
  await watch();
  expect(await alarms(third.key_id)).toEqual([]);
  await cloud.context.db.updateTable('partners').set({ suspends_unusual: true }).execute();
  await client.call('GET', '/v1/stations', undefined, { headers: { 'x-forwarded-for': '203.0.113.10' } });
  await watch();
  await cloud.context.db.updateTable('partners').set({ suspends_unusual: false }).execute();
  expect(await alarms(third.key_id)).toMatchObject([{ detail: expect.stringContaining('All of them are disabled') }]);
  expect((await client.call('GET', '/v1/stations')).body.code).toBe('auth.unknown_key');
  expect((await look('192.0.2.1')).body.code).toBe('auth.unknown_key');
  expect((await bystander.look('192.0.2.1')).status).toBe(200);
});

test('OP-09 a round that fails in the middle leaves no stolen key to itself: the next one disables it', async () => {
  const { keyId, look } = await keyWithPast();
  const { db } = cloud.context;
  await db.updateTable('partners').set({ suspends_unusual: true }).execute();
  await look('203.0.113.11');
  await cloud.context.keyUsage.flush();
  await sql`alter table audit_log add constraint away check (action <> 'partner_key.disable') not valid`.execute(db);
  await expect(watchKeys(cloud.context)).rejects.toThrow();
  await sql`alter table audit_log drop constraint away`.execute(db);
  await watch();
  await db.updateTable('partners').set({ suspends_unusual: false }).execute();
  expect((await look('203.0.113.11')).body.code).toBe('auth.unknown_key');
  expect(await alarms(keyId)).toHaveLength(1);
});

test('OP-09 who rotates a stolen key while it is being disabled has gained nothing', async () => {
  const { keyId, look } = await keyWithPast();
  const { db } = cloud.context;
  await db.updateTable('partners').set({ suspends_unusual: true }).execute();
  await look('203.0.113.12');
  await cloud.context.keyUsage.flush();
  const [isRotating, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = endingWith(db, () => {
    isRotating.resolve();
    return mayEnd.promise;
  });
  const rotation = rotateKey({ ...cloud.context, db: slow }, { partnerId: stage.partnerId, keyId }, 3_600_000);
  await isRotating.promise;
  const round = watchKeys(cloud.context);
  await expect.poll(() => waitingForLocks(db)).toBe(1);
  mayEnd.resolve();
  const next = await rotation;
  await round;
  await db.updateTable('partners').set({ suspends_unusual: false }).execute();
  const thief = createPartnerClient(cloud.app, clock, { key_id: next.keyId, secret: next.secret });
  expect((await thief.call('GET', '/v1/stations')).body.code).toBe('auth.unknown_key');
  expect((await look('192.0.2.1')).body.code).toBe('auth.unknown_key');
});

test('OP-09 calls of several processes add up, and a thousand addresses fill nothing', async () => {
  const { keyId } = await keyWithPast();
  const processes = [createKeyUsage(cloud.context), createKeyUsage(cloud.context)];
  for (const one of processes)
    for (let n = 0; n < 1_000; n += 1) one.note(keyId, 'read', `2001:db8:0:${n.toString(16)}::/64`);
  await Promise.all(processes.map((one) => one.flush()));
  const windowAtMs = Math.floor(clock.wallMs() / WINDOW_MS) * WINDOW_MS;
  const rows = await cloud.context.db
    .selectFrom('key_usage')
    .selectAll()
    .where('family_id', '=', keyId)
    .where('window_at_ms', '=', windowAtMs)
    .execute();
  expect(rows).toHaveLength(51);
  expect(rows.reduce((sum, { calls }) => sum + calls, 0)).toBe(2_000);
  expect(rows.find(({ source }) => source === OTHER_SOURCES)?.calls).toBe(1_900);
  await watch();
  expect((await alarms(keyId)).map(({ detail }) => /\((\w+)\)/.exec(detail)?.[1]).sort()).toEqual(['rate', 'source']);
});

test('OP-09 addresses fill nothing either when they come one after the other, while what came before is written down', async () => {
  const { keyId } = await keyWithPast();
  const usage = createKeyUsage(cloud.context);
  const rowsNow = () =>
    cloud.context.db
      .selectFrom('key_usage')
      .select('source')
      .where('family_id', '=', keyId)
      .where('window_at_ms', '=', Math.floor(clock.wallMs() / WINDOW_MS) * WINDOW_MS)
      .execute();
  const come = async (from: number) => {
    for (let n = 0; n < 40; n += 1) usage.note(keyId, 'read', `2001:db8:1:${(from + n).toString(16)}::/64`);
    await usage.flush();
  };
  for (let n = 0; n < 5; n += 1) await come(n * 40);
  expect(await rowsNow()).toHaveLength(51);
  clock.advance(WINDOW_MS);
  await come(1_000);
  expect(await rowsNow()).toHaveLength(40);
});

test('OP-09 how a key was used a week ago is forgotten', async () => {
  await forgetUsage(cloud.context.db, clock.wallMs() + 8 * 86_400_000);
  expect(await cloud.context.db.selectFrom('key_usage').selectAll().execute()).toEqual([]);
});
