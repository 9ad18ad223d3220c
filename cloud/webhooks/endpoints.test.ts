import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { type HookStage, hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { type ReceivedWebhook, startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { MOST_ENDPOINTS } from './endpoints.ts';
import { forgetWebhooks, lookAfterWebhooks } from './look-after.ts';
import { signWebhook } from './sign.ts';

const clock = createTestClock();
const DAY_MS = 86_400_000;
let cloud: TestCloud;
let receiver: WebhookReceiver;
let second: WebhookReceiver;
let stage: Stage;
let hooks: HookStage;
let runs = 0;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  second = await startWebhookReceiver();
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [receiver.hostPort, second.hostPort] } });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
  await second?.close();
});
beforeEach(async () => {
  runs += 1;
  stage = await setTheStage(cloud, { name: `ends${runs}` });
  hooks = hookStage(cloud, clock, stage);
  for (const server of [receiver, second]) {
    server.received.length = 0;
    server.answer((_webhook, response) => response.writeHead(204).end());
  }
});
afterEach(async () => {
  await hooks.cancelAll();
  for (const server of [receiver, second]) server.hangUp();
});

const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) =>
  stage.partner.call(method, `/v1/webhook-endpoints${path}`, body);
const came = (server: WebhookReceiver) => server.received.map(({ body }) => body.data.n);
const signaturesOf = (hook: ReceivedWebhook) => String(hook.headers['webhook-signature']).split(' ');
const signed = (secret: string, hook: ReceivedWebhook) =>
  signWebhook(secret, {
    id: String(hook.headers['webhook-id']),
    timestampS: Number(hook.headers['webhook-timestamp']),
    body: hook.text,
  });

test('OP-20 an endpoint can be changed: what waits goes to the new address, types count for events to come', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  receiver.answer((_webhook, response) => response.writeHead(500).end());
  const orderId = await hooks.newOrder();
  await hooks.emit(orderId, 'charge.started', { n: 1 });
  await expect.poll(async () => (await hooks.deliveries())[0]?.attempts).toBe(1);
  const change = { url: second.url, event_types: ['charge.ended'], description: 'billing' };
  const changed = await call('PATCH', `/${id}`, change);
  expect(changed).toMatchObject({ status: 200, body: { ...change, endpoint_id: id, status: 'enabled' } });
  await hooks.emit(orderId, 'charge.started', { n: 2 });
  hooks.later(70_000);
  await expect.poll(() => hooks.statuses()).toEqual(['delivered']);
  expect(came(second)).toEqual([1]);
  expect((await call('PATCH', `/${id}`, { event_types: null, description: null })).body).toMatchObject({
    event_types: null,
    description: null,
    url: second.url,
  });
  expect((await call('PATCH', `/${id}`, { url: 'https://10.0.0.1/' })).body.code).toBe('webhook.address_refused');
  expect((await call('GET', `/${id}`)).body.url).toBe(second.url);
});

test('OP-20 a rotated secret signs beside the former until the overlap is over, also when the answer was lost', async () => {
  const { endpoint_id: id, secret: first } = await hooks.register(receiver.url);
  const lost = (await call('POST', `/${id}/rotate-secret`, { overlap_s: 3_600 })).body.secret;
  const rotated = await call('POST', `/${id}/rotate-secret`, { overlap_s: 3_600 });
  expect(rotated).toMatchObject({ status: 201, body: { former_secret_until: expect.any(String) } });
  const last = rotated.body.secret;
  expect(new Set([first, lost, last]).size).toBe(3);
  await hooks.emit(null, 'charge.started', { n: 1 });
  const during = await receiver.waitFor(({ body }) => body.data.n === 1);
  expect(signaturesOf(during)).toEqual([last, lost, first].map((secret) => signed(secret, during)));
  clock.advance(3_600_000);
  await hooks.emit(null, 'charge.started', { n: 2 });
  const after = await receiver.waitFor(({ body }) => body.data.n === 2);
  expect(signaturesOf(after)).toEqual([signed(last, after)]);
  const leaked = (await call('POST', `/${id}/rotate-secret`, { overlap_s: 0 })).body;
  expect(leaked.former_secret_until).toBeNull();
  await hooks.emit(null, 'charge.started', { n: 3 });
  const at = await receiver.waitFor(({ body }) => body.data.n === 3);
  expect(signaturesOf(at)).toEqual([signed(leaked.secret, at)]);
});

test('OP-20 nothing is sent to a paused endpoint, and what has happened comes in order when it is enabled', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  expect((await call('POST', `/${id}/pause`)).body).toMatchObject({ status: 'paused' });
  const orderId = await hooks.newOrder();
  await hooks.emit(orderId, 'charge.started', { n: 1 });
  await hooks.emit(orderId, 'charge.ended', { n: 2 });
  hooks.later(60_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([came(receiver), await hooks.statuses()]).toEqual([[], ['pending', 'pending']]);
  expect((await call('POST', `/${id}/enable`)).body).toMatchObject({ status: 'enabled', paused_at: null });
  await expect.poll(() => came(receiver)).toEqual([1, 2]);
});

test('OP-20 a pause that was forgotten ends after 14 days with a disabled endpoint, and tells so', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  await call('POST', `/${id}/pause`);
  clock.advance(14 * DAY_MS - 1);
  await lookAfterWebhooks(cloud.context);
  expect((await call('GET', `/${id}`)).body.status).toBe('paused');
  clock.advance(1);
  await lookAfterWebhooks(cloud.context);
  expect((await call('GET', `/${id}`)).body).toMatchObject({
    status: 'disabled',
    disabled_reason: 'paused for 14 days',
  });
  expect(await hooks.alarms()).toEqual(['webhook.endpoint_disabled']);
});

test("OP-20 a disabling is told to the partner's other endpoints, and can be undone by the partner", async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  await hooks.register(second.url);
  receiver.answer((_webhook, response) => response.writeHead(410).end());
  await hooks.emit(null, 'charge.started', { n: 1 });
  const notice = await second.waitFor(({ body }) => body.type === 'webhook.endpoint_disabled');
  expect(notice.body.data).toEqual({
    endpoint_id: id,
    url: receiver.url,
    reason: 'the receiver answered 410 Gone',
    disabled_at: new Date(clock.wallMs()).toISOString(),
  });
  expect((await call('POST', `/${id}/test`)).body.code).toBe('webhook.disabled');
  expect((await call('POST', `/${id}/pause`)).body.code).toBe('webhook.disabled');
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  expect((await call('POST', `/${id}/enable`)).body).toMatchObject({
    status: 'enabled',
    disabled_at: null,
    disabled_reason: null,
    failing_since: null,
  });
  await hooks.emit(null, 'charge.started', { n: 2 });
  await receiver.waitFor(({ body }) => body.data.n === 2);
});

test('OP-20 the types can be listed, those that come only by name are marked, and there is an end to endpoints', async () => {
  const { body } = await stage.partner.call('GET', '/v1/webhook-event-types');
  expect(body.event_types).toContainEqual({
    type: 'charge.ended',
    description: expect.any(String),
    only_by_name: false,
  });
  const byName = body.event_types.filter((one: { only_by_name: boolean }) => one.only_by_name);
  expect(byName).toMatchObject([{ type: 'connector.status_changed' }]);
  for (let n = 0; n < MOST_ENDPOINTS; n += 1) await hooks.register(receiver.url);
  const oneMore = await call('POST', '', { url: receiver.url });
  expect(oneMore).toMatchObject({ status: 409, body: { code: 'webhook.too_many' } });
  const { endpoints } = (await call('GET', '')).body;
  expect(endpoints).toHaveLength(MOST_ENDPOINTS);
  await call('DELETE', `/${endpoints[0].endpoint_id}`);
  expect((await call('POST', '', { url: receiver.url })).status).toBe(201);
});

test("OP-20 OP-22 another partner's endpoint is unknown, whatever is asked of it", async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  const other = (await setTheStage(cloud, { name: `ends${runs}b` })).partner;
  const asked = [
    ['GET', `/${id}`],
    ['PATCH', `/${id}`, { description: 'mine' }],
    ['DELETE', `/${id}`],
    ['POST', `/${id}/rotate-secret`, {}],
    ['POST', `/${id}/pause`],
    ['POST', `/${id}/enable`],
    ['POST', `/${id}/test`],
  ] as const;
  for (const [method, path, body] of asked) {
    const answer = await other.call(method, `/v1/webhook-endpoints${path}`, body);
    expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 404, 'webhook.unknown']);
  }
  expect((await call('GET', `/${id}`)).body).toMatchObject({ status: 'enabled', description: null });
});

test('OP-20 what is over is forgotten when its time has come, and what is pending is not', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  await hooks.emit(null, 'charge.started', { n: 1 });
  await expect.poll(() => hooks.statuses()).toEqual(['delivered']);
  await call('POST', `/${id}/pause`);
  await hooks.emit(null, 'charge.started', { n: 2 });
  await forgetWebhooks(cloud.context.db, clock.wallMs());
  expect(await hooks.statuses()).toEqual(['pending', 'delivered']);
  await forgetWebhooks(cloud.context.db, clock.wallMs() + 1);
  expect(await hooks.statuses()).toEqual(['pending']);
  const left = await cloud.context.db
    .selectFrom('webhook_events')
    .select('event_id')
    .where('partner_id', '=', stage.partnerId)
    .execute();
  expect(left).toHaveLength(1);
});
