import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleTariff, type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { createPartnerClient } from '../testing/partner-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { sweepNonces } from './nonces.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'gate' });
});
afterAll(() => cloud?.stop());

const nowS = () => Math.floor(clock.wallMs() / 1000);
const nonceCount = async () => (await cloud.context.db.selectFrom('nonces').select('nonce').execute()).length;

test('OP-07 a signed request passes, with and without a body and a query', async () => {
  expect((await stage.partner.call('GET', '/v1/stations')).status).toBe(200);
  expect((await stage.partner.call('GET', '/v1/stations?limit=1')).status).toBe(200);
  const body = { request_id: 'r', connector_id: 'none' };
  expect((await stage.partner.call('POST', '/v1/operations/start', body)).body.code).toBe('connector.unknown');
});

test('OP-07 an altered body, path or query is refused', async () => {
  const body = { request_id: 'r', connector_id: 'a' };
  const altered = await stage.partner.call('POST', '/v1/operations/start', body, {
    sentBody: JSON.stringify({ ...body, connector_id: 'b' }),
  });
  expect(altered).toMatchObject({
    status: 401,
    body: { code: 'auth.bad_signature', type: '/errors/auth.bad_signature' },
  });
  const query = await stage.partner.call('GET', '/v1/stations?limit=1', undefined, {
    sentPath: '/v1/stations?limit=2',
  });
  expect(query.body.code).toBe('auth.bad_signature');
  const spaced = await stage.partner.call('POST', '/v1/operations/start', body, {
    sentBody: JSON.stringify(body, null, 1),
  });
  expect(spaced.body.code).toBe('auth.bad_signature');
});

test('OP-07 a stale timestamp is refused on both sides', async () => {
  for (const off of [-301, 301]) {
    const answer = await stage.partner.call('GET', '/v1/stations', undefined, { timestampS: nowS() + off });
    expect(answer).toMatchObject({ status: 401, body: { code: 'auth.stale_timestamp' } });
  }
});

test('OP-07 a reused nonce is refused', async () => {
  const nonce = 'the-very-same-nonce';
  expect((await stage.partner.call('GET', '/v1/stations', undefined, { nonce })).status).toBe(200);
  const again = await stage.partner.call('GET', '/v1/stations', undefined, { nonce });
  expect(again).toMatchObject({ status: 401, body: { code: 'auth.reused_nonce' } });
});

test('OP-07 a replayed request is refused even when fifty come at once', async () => {
  const overrides = { nonce: 'fifty-at-once-nonce', timestampS: nowS() };
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => stage.partner.call('GET', '/v1/stations', undefined, overrides)),
  );
  expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
});

test('OP-07 only good signatures use up nonces, and old nonces are forgotten', async () => {
  await sweepNonces(cloud.context.db, Number.MAX_SAFE_INTEGER);
  const forged = { headers: { 'pilegate-signature': `v1=${'0'.repeat(64)}` } };
  expect((await stage.partner.call('GET', '/v1/stations', undefined, forged)).body.code).toBe('auth.bad_signature');
  expect(await nonceCount()).toBe(0);
  await stage.partner.call('GET', '/v1/stations', undefined, { timestampS: nowS() + 300 });
  await sweepNonces(cloud.context.db, clock.wallMs() + 600_000);
  expect(await nonceCount()).toBe(1);
  await sweepNonces(cloud.context.db, clock.wallMs() + 662_001);
  expect(await nonceCount()).toBe(0);
});

test('OP-07 a nonce is remembered for longer than its request is good by any clock of the cloud', async () => {
  const sent = { nonce: 'a-nonce-of-a-slow-clock', timestampS: nowS() };
  expect((await stage.partner.call('GET', '/v1/stations', undefined, sent)).status).toBe(200);
  clock.advance((sent.timestampS + 301) * 1000 - 1 - clock.wallMs());
  // A process whose clock is ahead of that of the one which is asked.
  await sweepNonces(cloud.context.db, clock.wallMs() + 59_000);
  const again = await stage.partner.call('GET', '/v1/stations', undefined, sent);
  expect(again).toMatchObject({ status: 401, body: { code: 'auth.reused_nonce' } });
});

test('OP-07 an unsigned request and an unknown key are refused', async () => {
  const unsigned = await cloud.app.inject('/v1/stations');
  expect(unsigned.statusCode).toBe(401);
  expect(unsigned.headers['content-type']).toContain('application/problem+json');
  expect(unsigned.json()).toMatchObject({ code: 'auth.missing', title_zh: expect.any(String) });
  const stranger = createPartnerClient(cloud.app, clock, { key_id: 'pk_live_0', secret: 'x' });
  expect((await stranger.call('GET', '/v1/stations')).body.code).toBe('auth.unknown_key');
});

test('OP-06 a key does what its scopes say', async () => {
  const key = await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/keys`, {
    environment: 'sandbox',
    scopes: ['read'],
  });
  const reader = createPartnerClient(cloud.app, clock, key);
  expect((await reader.call('GET', '/v1/stations')).status).toBe(200);
  const start = await reader.call('POST', '/v1/operations/start', { request_id: 'r', connector_id: 'a' });
  expect(start).toMatchObject({
    status: 403,
    body: { code: 'auth.forbidden', detail: expect.stringContaining('control') },
  });
  expect((await reader.call('GET', '/v1/orders')).status).toBe(403);
});

test('OP-23 a sandbox key sees and drives only sandbox sites, a live key only live ones', async () => {
  const live = await setTheStage(cloud, {
    name: 'live',
    environment: 'live',
    tariff: { ...exampleTariff, tariffId: 'live' },
  });
  const sandboxId = stage.connectorIds[0] ?? '';
  const liveId = live.connectorIds[0] ?? '';
  clock.advance(2_000);
  const sites = (await stage.partner.call('GET', '/v1/stations')).body.stations.map(
    (s: { site_id: string }) => s.site_id,
  );
  expect(sites).toEqual([stage.siteId]);
  expect((await stage.partner.call('GET', `/v1/connectors/${liveId}`)).status).toBe(404);
  expect((await live.partner.call('GET', `/v1/stations/${stage.siteId}`)).status).toBe(404);
  const start = (who: Stage, id: string) =>
    who.partner.call('POST', '/v1/operations/start', { request_id: 'x', connector_id: id });
  expect((await start(stage, liveId)).body.code).toBe('connector.unknown');
  expect((await start(live, sandboxId)).body.code).toBe('connector.unknown');
});

test('OP-03 a database leak shows no secret, and a secret sealed for one row opens no other', async () => {
  const rows = await cloud.context.db.selectFrom('partner_keys').selectAll().execute();
  const sites = await cloud.context.db.selectFrom('sites').selectAll().execute();
  const dump = JSON.stringify([rows, sites]);
  expect(dump).not.toContain(stage.key.secret);
  expect(dump).not.toContain(stage.brokerPassword);
  const sealed = rows.find((row) => row.key_id === stage.key.key_id)?.secret_sealed ?? '';
  const { secrets } = cloud.context;
  expect(secrets.open(sealed, `partner-key:${stage.key.key_id}`)).toBe(stage.key.secret);
  expect(() => secrets.open(sealed, 'partner-key:another')).toThrow();
});

test('staff: no token, no entry', async () => {
  const without = await cloud.app.inject({ method: 'GET', url: '/staff/v1/alarms' });
  expect(without.json().code).toBe('auth.missing');
  const wrong = await cloud.app.inject({
    method: 'GET',
    url: '/staff/v1/alarms',
    headers: { authorization: 'Bearer x' },
  });
  expect(wrong.json()).toMatchObject({ code: 'auth.unknown_key', status: 401 });
});
