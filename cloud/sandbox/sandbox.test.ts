import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sandboxFaultKinds } from '#shared/sandbox-faults.ts';
import { takeAlarms } from '../alerts/take-alarms.ts';
import { readFigures } from '../metrics/read-figures.ts';
import { systemRandom } from '../random.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { createPartnerClient, type PartnerClient } from '../testing/partner-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { forgetFaults, MOST_AT_ONCE } from './faults.ts';

const clock = createTestClock();
const sandboxRigs = new Map<string, string>();
let cloud: TestCloud;
let bench: Server;
/** What the bench was asked, and how it answers. */
const asked: { method: string; id: string; body: unknown }[] = [];
let status = 204;
let stage: Stage;
let connectorId = '';
let runs = 0;

beforeAll(async () => {
  bench = createServer((request, response) => {
    void text(request).then((body) => {
      const id = request.url?.replace('/faults/', '') ?? '';
      asked.push({ method: request.method ?? '', id, body: body === '' ? null : JSON.parse(body) });
      response.writeHead(status).end(status === 409 ? 'no error register' : undefined);
    });
  });
  bench.listen(0, '127.0.0.1');
  await once(bench, 'listening');
  cloud = await startTestCloud({ clock, config: { sandboxRigs } });
});
afterAll(async () => {
  await cloud?.stop();
  bench?.close();
});
beforeEach(async () => {
  runs += 1;
  stage = await setTheStage(cloud, { name: `rig${runs}`, connectors: 12 });
  connectorId = stage.connectorIds[0] ?? '';
  withBench(stage.siteId);
  asked.length = 0;
  status = 204;
});

function withBench(siteId: string): void {
  const address = bench.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  sandboxRigs.set(siteId, `http://127.0.0.1:${address.port}`);
}
const post = (path: string, body: object, who: PartnerClient = stage.partner) => who.call('POST', path, body);
const make = (kind: string, at = connectorId, who?: PartnerClient, duration_s = 60) =>
  post(`/v1/sandbox/connectors/${at}/faults`, { kind, duration_s }, who);
const listed = async (at = connectorId, who: PartnerClient = stage.partner) =>
  (await who.call('GET', `/v1/sandbox/connectors/${at}/faults`)).body.faults;

/** Somebody else who uses the same stations. */
async function another(): Promise<PartnerClient> {
  const other = await setTheStage(cloud, { name: `rig${runs}other` });
  return other.partner;
}

test('OP-23 a fault is made at the simulated pile, ends by itself, and can be ended before', async () => {
  const made = await make('over-temperature');
  expect(made).toMatchObject({
    status: 201,
    body: { kind: 'over-temperature', strikes: 'connector', status: 'active', ended_at: null },
  });
  const { fault_id: id } = made.body;
  const wish = { kind: 'over-temperature', pile_id: `${connectorId}-pile`, connector_id: connectorId, duration_s: 60 };
  expect(asked).toEqual([{ method: 'PUT', id, body: wish }]);
  expect(await listed()).toEqual([made.body]);
  expect((await stage.partner.call('DELETE', `/v1/sandbox/faults/${id}`)).status).toBe(204);
  expect(asked.at(-1)).toEqual({ method: 'DELETE', id, body: null });
  expect(await listed()).toMatchObject([{ status: 'over', ended_at: expect.any(String) }]);
  clock.advance(1);
  expect((await make('over-temperature')).status).toBe(201);
  clock.advance(60_000);
  expect(await listed()).toMatchObject([{ status: 'over', ended_at: null }, { status: 'over' }]);
  const before = asked.length;
  expect((await stage.partner.call('DELETE', `/v1/sandbox/faults/${id}`)).status).toBe(204);
  expect(asked.length, 'over is over').toBe(before);
});

test('OP-23 every kind is listed with what comes of it, in English and Chinese', async () => {
  const { kinds } = (await stage.partner.call('GET', '/v1/sandbox/fault-kinds')).body;
  expect(kinds.map((one: { kind: string }) => one.kind)).toEqual(sandboxFaultKinds);
  for (const { en, zh } of kinds)
    expect([en, zh]).toEqual([expect.stringMatching(/^[A-Z]/), expect.stringMatching(/[一-龥]/)]);
});

test('OP-23 OP-22 a live station is never reached, by whatever key, even if somebody has configured a bench for it', async () => {
  const live = await setTheStage(cloud, { name: `live${runs}`, environment: 'live' });
  withBench(live.siteId);
  const at = live.connectorIds[0] ?? '';
  expect(await make('emergency-stop', at, live.partner)).toMatchObject({ status: 403, body: { code: 'sandbox.only' } });
  expect(await make('emergency-stop', connectorId, live.partner)).toMatchObject({ body: { code: 'sandbox.only' } });
  expect(await make('emergency-stop', at)).toMatchObject({ status: 404, body: { code: 'connector.unknown' } });
  for (const path of ['/v1/sandbox/fault-kinds', `/v1/sandbox/connectors/${at}/faults`])
    expect((await live.partner.call('GET', path)).body.code).toBe('sandbox.only');
  const row = {
    fault_id: `sf_${'1'.repeat(32)}`,
    partner_id: stage.partnerId,
    site_id: live.siteId,
    connector_id: at,
    kind: 'emergency-stop',
    started_at_ms: clock.wallMs(),
    ends_at_ms: clock.wallMs() + 60_000,
  };
  await cloud.context.db
    .insertInto('sandbox_faults')
    .values({ ...row, ended_at_ms: null })
    .execute();
  const ended = await stage.partner.call('DELETE', `/v1/sandbox/faults/${row.fault_id}`);
  expect(ended.body.code).toBe('sandbox.fault_unknown');
  expect(asked).toEqual([]);
});

test('OP-23 a fault belongs to who has made it: others see it, cannot end it, and are not disturbed in a charge', async () => {
  const other = await another();
  const { fault_id: id } = (await make('pile-offline')).body;
  expect(await listed(connectorId, other)).toMatchObject([{ fault_id: null, kind: 'pile-offline', status: 'active' }]);
  expect((await other.call('DELETE', `/v1/sandbox/faults/${id}`)).body.code).toBe('sandbox.fault_unknown');
  const again = await make('pile-offline', connectorId, other);
  expect(again).toMatchObject({
    status: 409,
    body: { code: 'sandbox.fault_exists' },
    headers: { 'retry-after': '60' },
  });
  await cloud.context.db
    .insertInto('orders')
    .values({
      order_id: systemRandom.uuid(),
      partner_id: stage.partnerId,
      origin: 'remote',
      environment: 'sandbox',
      state: 'charging',
      site_id: stage.siteId,
      pile_id: 'p',
      connector_id: connectorId,
      created_at_ms: 1,
      updated_at_ms: 1,
    })
    .execute();
  expect((await make('gun-removed', connectorId, other)).body.code).toBe('sandbox.busy');
  expect((await make('site-offline', stage.connectorIds[1], other)).body.code).toBe('sandbox.busy');
  expect((await make('gun-removed', stage.connectorIds[1], other)).status).toBe(201);
  expect((await make('gun-removed')).status, 'the own charge').toBe(201);
});

test('OP-23 a site is cut off once at a time, and nobody has more than ten faults', async () => {
  expect((await make('site-offline')).body.strikes).toBe('site');
  expect((await make('site-silent', stage.connectorIds[1])).body.code).toBe('sandbox.fault_exists');
  expect(await listed(stage.connectorIds[2])).toMatchObject([{ kind: 'site-offline' }]);
  for (let n = 1; n < MOST_AT_ONCE; n += 1) expect((await make('meter-stuck', stage.connectorIds[n])).status).toBe(201);
  expect((await make('meter-stuck', stage.connectorIds[11])).body.code).toBe('sandbox.too_many');
});

test('OP-23 what the simulated pile cannot do is refused, and leaves nothing', async () => {
  status = 409;
  expect((await make('ground-fault')).body).toMatchObject({
    code: 'sandbox.fault_refused',
    detail: 'no error register',
  });
  expect(await listed()).toEqual([]);
  sandboxRigs.set(stage.siteId, 'http://127.0.0.1:1');
  const silent = await make('ground-fault');
  expect(silent).toMatchObject({
    status: 503,
    body: { code: 'platform.unavailable' },
    headers: { 'retry-after': '5' },
  });
  expect(await listed()).toEqual([]);
  sandboxRigs.delete(stage.siteId);
  expect((await make('ground-fault')).body.code).toBe('sandbox.no_rig');
});

test('OP-23 a fault whose answer is lost on the way from the bench is taken back there: nobody could end it', async () => {
  status = 500;
  expect((await make('pile-offline')).status).toBe(500);
  expect(asked.map(({ method }) => method)).toEqual(['PUT', 'DELETE']);
  expect(asked[1]?.id).toBe(asked[0]?.id);
  expect(await listed()).toEqual([]);
});

test('OP-23 a fault that was over a month ago is forgotten, one that goes on is not', async () => {
  await make('meter-stuck');
  const ids = async () => (await listed()).map((one: { kind: string }) => one.kind);
  await forgetFaults(cloud.context.db, clock.wallMs() + 60_000 + 30 * 86_400_000);
  expect(await ids()).toEqual(['meter-stuck']);
  await forgetFaults(cloud.context.db, clock.wallMs() + 60_001 + 30 * 86_400_000);
  expect(await ids()).toEqual([]);
});

test('OP-23 XC-02 what a partner makes happen at a simulated pile gets nobody out of bed, what happens there by itself does', async () => {
  const { db } = cloud.context;
  const press = async () => {
    const alarm = { source: 'platform', code: 'emergency-stop', severity: 'critical', detail: 'pressed' } as const;
    const at = { site_id: stage.siteId, connector_id: connectorId };
    const ms = { raised_at_ms: clock.wallMs(), received_at_ms: clock.wallMs() };
    await db
      .insertInto('alarms')
      .values({ alarm_id: systemRandom.uuid(), ...alarm, ...at, ...ms })
      .execute();
    await takeAlarms(cloud.context, () => Promise.resolve());
  };
  const untaken = () => db.selectFrom('alarms').select('alarm_id').where('taken_at_ms', 'is', null).execute();
  const levelOfAlert = async () => {
    const alerts = db.selectFrom('alerts').select('level').where('site_id', '=', stage.siteId);
    return (await alerts.executeTakeFirst())?.level;
  };
  expect((await make('emergency-stop')).status).toBe(201);
  await press();
  await expect.poll(levelOfAlert).toBe('info');
  clock.advance(90_000);
  await press();
  await expect.poll(untaken).toEqual([]);
  expect(await levelOfAlert()).toBe('info');
  const critical = async () =>
    (await readFigures(db, clock.wallMs())).alarms.find(({ severity }) => severity === 'critical')?.count ?? 0;
  expect(await critical()).toBe(0);
  clock.advance(900_000);
  await press();
  await expect.poll(levelOfAlert).toBe('emergency');
  expect(await critical()).toBe(3);
});

test('OP-23 OP-08 a key that only reads makes no fault', async () => {
  const reading = await cloud.app.inject({
    method: 'POST',
    url: `/staff/v1/partners/${stage.partnerId}/keys`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    payload: JSON.stringify({ environment: 'sandbox', scopes: ['read'] }),
  });
  const who = createPartnerClient(cloud.app, clock, reading.json());
  expect((await make('gun-removed', connectorId, who)).body.code).toBe('auth.forbidden');
  expect(asked).toEqual([]);
});
