import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeAlarms } from '../alerts/take-alarms.ts';
import { sweepBuckets, takeFromBucket } from '../limits/rate-buckets.ts';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { createPartnerClient, type PartnerClient } from '../testing/partner-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { BAN_MS, FAILURE_POLICY, noteFailure, sweepBans, TOLD_POLICY } from './bans.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;

beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { trustedProxies: ['10.9.0.0/16', '127.0.0.1'] } });
  stage = await setTheStage(cloud, { name: 'limits' });
});
afterAll(() => cloud?.stop());

const keyPath = () => `/staff/v1/partners/${stage.partnerId}/keys`;
async function keyWith(wish: object): Promise<{ client: PartnerClient; keyId: string }> {
  const wanted = { environment: 'sandbox', scopes: ['read', 'control', 'orders', 'keys'], ...wish };
  const key = await staffPost(cloud.app, cloud.staffToken, keyPath(), wanted);
  return { client: createPartnerClient(cloud.app, clock, key), keyId: key.key_id };
}
const from = (forwarded: string) => ({ headers: { 'x-forwarded-for': forwarded } });
const look = (client: PartnerClient, overrides = {}) => client.call('GET', '/v1/stations', undefined, overrides);
const codeOf = async (client: PartnerClient, overrides = {}) => (await look(client, overrides)).body.code ?? 'taken';
const alarms = async (code: string) =>
  (await cloud.context.db.selectFrom('alarms').selectAll().where('code', '=', code).execute()).length;

test('OP-08 a key that asks too often is told to wait, and what it waits is enough', async () => {
  const { client } = await keyWith({ limits: { read: { per_minute: 60, burst: 3 } } });
  const first = await look(client);
  expect(first.headers).toMatchObject({ 'ratelimit-policy': '"read";q=3;w=3', ratelimit: '"read";r=2;t=1' });
  await look(client);
  expect((await look(client)).headers.ratelimit).toBe('"read";r=0;t=3');
  const refused = await look(client);
  expect(refused).toMatchObject({ status: 429, body: { code: 'request.too_many', title_zh: expect.any(String) } });
  expect(refused.headers).toMatchObject({ ratelimit: '"read";r=0;t=1', 'retry-after': '1' });
  expect((await client.call('GET', '/v1/orders')).status).toBe(200);
  clock.advance(1000);
  expect((await look(client)).status).toBe(200);
  expect((await look(client)).status).toBe(429);
});

test('OP-08 who is suspended asks no more often than before', async () => {
  const own = await setTheStage(cloud, { name: 'suspended', tariff: null });
  const keys = `/staff/v1/partners/${own.partnerId}/keys`;
  const wish = { environment: 'sandbox', scopes: ['read'], limits: { read: { per_minute: 60, burst: 3 } } };
  const client = createPartnerClient(cloud.app, clock, await staffPost(cloud.app, cloud.staffToken, keys, wish));
  const suspend = `/staff/v1/partners/${own.partnerId}/suspend`;
  await staffPost(cloud.app, cloud.staffToken, suspend, { reason: 'unpaid invoices' });
  const codes = [];
  for (let n = 0; n < 5; n += 1) codes.push(await codeOf(client));
  expect(codes).toEqual([...Array(3).fill('auth.suspended'), ...Array(2).fill('request.too_many')]);
});

test('OP-08 of many calls at once exactly as many pass as there is room for', async () => {
  const { client } = await keyWith({ limits: { read: { per_minute: 1, burst: 7 } } });
  const answers = await Promise.all(Array.from({ length: 40 }, () => look(client)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(7);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(33);
});

test("OP-08 whoever repeats what he has overheard uses up nobody's rate", async () => {
  const { client } = await keyWith({ limits: { read: { per_minute: 1, burst: 2 } } });
  const overheard = { nonce: 'an-overheard-nonce', timestampS: Math.floor(clock.wallMs() / 1000) };
  expect(await codeOf(client, overheard)).toBe('taken');
  for (let n = 0; n < 5; n += 1) expect(await codeOf(client, overheard)).toBe('auth.reused_nonce');
  expect(await codeOf(client)).toBe('taken');
  expect(await codeOf(client)).toBe('request.too_many');
});

test('OP-08 a clock that is set back shuts nobody out', async () => {
  const policy = { perMinute: 60, burst: 2 };
  const take = (nowMs: number) => takeFromBucket(cloud.context.db, 'key:back', 'read', policy, nowMs);
  for (const nowMs of [9_000_000, 1_000_000, 1_000_000]) expect((await take(nowMs)).isAllowed).toBe(true);
  expect(await take(1_000_000)).toMatchObject({ isAllowed: false, waitS: 1 });
});

test('OP-08 processes whose clocks are apart allow no more than one would', async () => {
  const policy = { perMinute: 60, burst: 2 };
  const take = (nowMs: number) => takeFromBucket(cloud.context.db, 'key:apart', 'read', policy, nowMs);
  expect([(await take(1_060_000)).isAllowed, (await take(1_060_000)).isAllowed]).toEqual([true, true]);
  expect(await take(1_000_000)).toEqual({ isAllowed: false, remaining: 0, waitS: 61 });
  expect((await take(1_061_000)).isAllowed).toBe(true);
  expect((await take(1_001_000)).isAllowed).toBe(false);
});

test('OP-08 a bucket that is full again is forgotten, another is not', async () => {
  const { db } = cloud.context;
  const count = async () =>
    (await db.selectFrom('rate_buckets').where('subject', '=', 'key:old').selectAll().execute()).length;
  await takeFromBucket(db, 'key:old', 'read', { perMinute: 1, burst: 5 }, clock.wallMs());
  await sweepBuckets(db, clock.wallMs() + 119_000);
  expect(await count()).toBe(1);
  await sweepBuckets(db, clock.wallMs() + 121_000);
  expect(await count()).toBe(0);
});

test('OP-05 a key is taken only from the ranges of its partner and of itself, of both kinds', async () => {
  const { client } = await keyWith({ allowed_cidrs: ['198.51.100.0/24', '2001:db8:7::/48'] });
  expect(await codeOf(client, from('198.51.100.9'))).toBe('taken');
  expect(await codeOf(client, from('2001:db8:7:1::5'))).toBe('taken');
  expect(await codeOf(client, from('::ffff:198.51.100.9'))).toBe('taken');
  expect(await look(client, from('198.51.101.9'))).toMatchObject({
    status: 403,
    body: { code: 'auth.address_refused' },
  });
  expect(await codeOf(client, from('2001:db8:8::5'))).toBe('auth.address_refused');
  const patch = await cloud.app.inject({
    method: 'PATCH',
    url: `/staff/v1/partners/${stage.partnerId}`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    payload: JSON.stringify({ allowed_cidrs: ['198.51.100.0/25'] }),
  });
  expect(patch.statusCode).toBe(200);
  expect(await codeOf(client, from('198.51.100.9'))).toBe('taken');
  expect(await codeOf(client, from('198.51.100.200'))).toBe('auth.address_refused');
  expect(await codeOf(client, from('2001:db8:7:1::5'))).toBe('auth.address_refused');
  expect(await alarms('key.foreign_address')).toBe(1);
  clock.advance(600_000);
  expect(await codeOf(client, from('198.51.100.200'))).toBe('auth.address_refused');
  expect(await alarms('key.foreign_address')).toBe(2);
  await cloud.context.db.updateTable('partners').set({ allowed_cidrs: null }).execute();
});

test('OP-05 OP-07 whoever repeats elsewhere what he has overheard raises no alarm that the secret is known', async () => {
  const { client } = await keyWith({ allowed_cidrs: ['198.51.100.0/24'] });
  const overheard = { nonce: 'overheard-elsewhere', timestampS: Math.floor(clock.wallMs() / 1000) };
  const before = await alarms('key.foreign_address');
  expect(await codeOf(client, { ...overheard, ...from('198.51.100.9') })).toBe('taken');
  expect(await codeOf(client, { ...overheard, ...from('203.0.113.66') })).toBe('auth.address_refused');
  expect(await alarms('key.foreign_address')).toBe(before);
  expect(await codeOf(client, from('203.0.113.66'))).toBe('auth.address_refused');
  expect(await alarms('key.foreign_address')).toBe(before + 1);
});

test('OP-05 what a caller writes into X-Forwarded-For himself is not believed', async () => {
  const { client } = await keyWith({ allowed_cidrs: ['198.51.100.0/24'] });
  for (const smuggled of [
    '198.51.100.9, 203.0.113.5',
    '198.51.100.9,203.0.113.5, 10.9.0.1',
    '203.0.113.5, 198.51.100.9, unknown',
    '198.51.100.9:443',
    '"198.51.100.9"',
    'for=198.51.100.9',
    '0xC6336409',
    '198.51.100.9%0a',
  ])
    expect(await codeOf(client, from(smuggled)), smuggled).toBe('auth.address_refused');
  expect(await codeOf(client, from('203.0.113.5, 198.51.100.9, 10.9.0.1'))).toBe('taken');
  for (const name of ['x-real-ip', 'forwarded', 'client-ip', 'x-client-ip', 'true-client-ip'])
    expect(await codeOf(client, { headers: { [name]: '198.51.100.9' } }), name).toBe('auth.address_refused');
});

test('OP-05 without a trusted proxy the header counts for nothing', async () => {
  const plain = await startTestCloud({ clock });
  try {
    const own = await setTheStage(plain, { name: 'plain' });
    const wish = { environment: 'sandbox', scopes: ['read'], allowed_cidrs: ['198.51.100.0/24'] };
    const key = await staffPost(plain.app, plain.staffToken, `/staff/v1/partners/${own.partnerId}/keys`, wish);
    const client = createPartnerClient(plain.app, clock, key);
    expect(await codeOf(client, from('198.51.100.9'))).toBe('auth.address_refused');
  } finally {
    await plain.stop();
  }
});

test('OP-08 who fails to authenticate again and again is banned for a while, with one alarm; others are not', async () => {
  const stranger = createPartnerClient(cloud.app, clock, { key_id: 'pk_live_guess', secret: 'x' });
  const forger = createPartnerClient(cloud.app, clock, { key_id: stage.key.key_id, secret: 'guess' });
  for (let n = 0; n < FAILURE_POLICY.burst; n += 1)
    expect(await codeOf(n % 2 === 0 ? stranger : forger, from('203.0.113.66'))).toMatch(/unknown_key|bad_signature/);
  await codeOf(forger, from('203.0.113.66'));
  const refused = await look(stage.partner, from('203.0.113.66'));
  expect(refused).toMatchObject({ status: 429, body: { code: 'auth.banned' } });
  expect(refused.headers['retry-after']).toBe(String(BAN_MS / 1000));
  expect(await codeOf(stranger, from('203.0.113.66'))).toBe('auth.banned');
  expect(await codeOf(stage.partner, from('203.0.113.67'))).toBe('taken');
  expect(await alarms('auth.banned')).toBe(1);
  await sweepBans(cloud.context.db, clock.wallMs());
  clock.advance(BAN_MS - 1);
  expect(await codeOf(stage.partner, from('203.0.113.66'))).toBe('auth.banned');
  clock.advance(1);
  expect(await codeOf(stage.partner, from('203.0.113.66'))).toBe('taken');
  await sweepBans(cloud.context.db, clock.wallMs() + BAN_MS + 1);
  expect(await cloud.context.db.selectFrom('auth_bans').selectAll().execute()).toEqual([]);
});

test('OP-08 what a stranger calls his key is not read to staff', async () => {
  const stranger = createPartnerClient(cloud.app, clock, { key_id: 'pk_https://evil.example/log-in', secret: 'x' });
  for (let n = 0; n <= FAILURE_POLICY.burst; n += 1) await codeOf(stranger, from('203.0.113.68'));
  const told = cloud.context.db.selectFrom('alarms').select('detail').where('code', '=', 'auth.banned');
  const [alarm] = await told.where('about', '=', 'address/203.0.113.68').execute();
  expect(alarm?.detail).toContain('unknown key that is none of ours');
});

test('OP-08 of each address that is banned people are told by itself, up to a bound', async () => {
  const told = async () => {
    await takeAlarms(cloud.context, () => Promise.resolve());
    // The cloud's own job may have some of them in hand.
    const untaken = cloud.context.db.selectFrom('alarms').select('alarm_id').where('taken_at_ms', 'is', null);
    await expect.poll(() => untaken.execute()).toEqual([]);
    const alerts = cloud.context.db.selectFrom('alerts').selectAll().where('code', '=', 'auth.banned');
    return (await alerts.where('closed_at_ms', 'is', null).orderBy('opened_at_ms').execute()).map(
      (alert) => `${alert.subject_kind}/${alert.subject_id} ${alert.alarm_count}`,
    );
  };
  const ban = async (address: string) => {
    for (let n = 0; n <= FAILURE_POLICY.burst; n += 1) await noteFailure(cloud.context, address, 'bad signature');
  };
  clock.advance(86_400_000);
  const before = await told();
  await ban('203.0.113.90');
  await ban('2001:db8:90::/64');
  expect((await told()).filter((alert) => !before.includes(alert)).sort()).toEqual([
    'address/2001:db8:90::/64 1',
    'address/203.0.113.90 1',
  ]);
  clock.advance(BAN_MS);
  await ban('203.0.113.90');
  expect(await told()).toContain('address/203.0.113.90 2');
  const many = TOLD_POLICY.burst + 5;
  for (let n = 0; n < many; n += 1) await ban(`198.18.0.${n}`);
  const own = (await told()).filter((alert) => alert.startsWith('address/198.18.'));
  expect(own.length).toBeGreaterThan(0);
  expect(own.length).toBeLessThanOrEqual(TOLD_POLICY.burst);
  expect(await told()).toContain(`platform/cloud ${many - own.length}`);
});

test('OP-08 who is refused for something else than a wrong key or signature is not on the way to a ban', async () => {
  const nonce = {
    nonce: 'again-and-again-and',
    timestampS: Math.floor(clock.wallMs() / 1000),
    ...from('203.0.113.70'),
  };
  const late = { timestampS: Math.floor(clock.wallMs() / 1000) - 900, ...from('203.0.113.70') };
  for (let n = 0; n <= FAILURE_POLICY.burst; n += 1) {
    await look(stage.partner, nonce);
    expect(await codeOf(stage.partner, late)).toBe('auth.stale_timestamp');
  }
  expect(await codeOf(stage.partner, from('203.0.113.70'))).toBe('taken');
});
