import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { type HookStage, hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { freeForgotten } from './claim.ts';
import { PER_ENDPOINT } from './delivery-worker.ts';
import type { EventType } from './event-types.ts';
import { signWebhook } from './sign.ts';

const clock = createTestClock();
let cloud: TestCloud;
let receiver: WebhookReceiver;
let second: WebhookReceiver;
let stage: Stage;
let hooks: HookStage;
let runs = 0;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  second = await startWebhookReceiver();
  cloud = await startTestCloud({
    clock,
    config: { webhookDevAllow: [receiver.hostPort, second.hostPort], webhookRetryMs: [60_000, 300_000] },
    lookUp: (hostname) => Promise.resolve(hostname === 'evil.example' ? [{ address: '127.0.0.1', family: 4 }] : []),
  });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
  await second?.close();
});
beforeEach(async () => {
  runs += 1;
  stage = await setTheStage(cloud, { name: `hook${runs}` });
  hooks = hookStage(cloud, clock, stage);
  for (const server of [receiver, second]) {
    server.received.length = 0;
    server.answer((_webhook, response) => response.writeHead(204).end());
  }
});

// What one test has left to send, or has under way without an answer, would come to the receivers of the next.
afterEach(async () => {
  await hooks.cancelAll();
  for (const server of [receiver, second]) server.hangUp();
});

const register = (url: string, types?: EventType[]) => hooks.register(url, types);
const newOrder = () => hooks.newOrder();
const emit = (orderId: string, type: EventType, data: object) => hooks.emit(orderId, type, data);
const deliveries = (query?: string) => hooks.deliveries(query);
const statuses = (query?: string) => hooks.statuses(query);
const later = (ms: number) => hooks.later(ms);
const alarmsOf = () => hooks.alarms();
const numbers = (server: WebhookReceiver) => server.received.map((webhook) => webhook.body.data.n);

test('OP-20 a webhook is signed over the bytes that are sent, and says what and when', async () => {
  const endpoint = await register(receiver.url);
  expect(endpoint.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const sent = await stage.partner.call('POST', `/v1/webhook-endpoints/${endpoint.endpoint_id}/test`);
  expect(sent.status).toBe(202);
  const hook = await receiver.waitFor((webhook) => webhook.headers['webhook-id'] === sent.body.event_id);
  const timestampS = Number(hook.headers['webhook-timestamp']);
  expect(timestampS).toBe(Math.floor(clock.wallMs() / 1000));
  const signature = signWebhook(endpoint.secret, { id: sent.body.event_id, timestampS, body: hook.text });
  expect(hook.headers['webhook-signature']).toBe(signature);
  expect(hook.body).toEqual({
    type: 'webhook.test',
    timestamp: new Date(clock.wallMs()).toISOString(),
    data: { endpoint_id: endpoint.endpoint_id },
  });
  const listed = (await stage.partner.call('GET', '/v1/webhook-endpoints')).body.endpoints;
  expect(listed).toHaveLength(1);
  expect(JSON.stringify(listed)).not.toContain('whsec_');
});

test('OP-20 a failed attempt is repeated after the planned time with the same id and bytes, then given up with an alarm', async () => {
  await register(receiver.url);
  receiver.answer((_webhook, response) => response.writeHead(500).end());
  const orderId = await newOrder();
  await emit(orderId, 'charge.ended', { n: 1 });
  await expect.poll(async () => (await deliveries())[0]?.attempts).toBe(1);
  const failingSince = async () =>
    (await stage.partner.call('GET', '/v1/webhook-endpoints')).body.endpoints[0].failing_since;
  const since = new Date(clock.wallMs()).toISOString();
  expect(await failingSince()).toBe(since);
  later(59_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(receiver.received).toHaveLength(1);
  later(8_000);
  await expect.poll(async () => (await deliveries())[0]?.attempts).toBe(2);
  later(330_000);
  await expect.poll(() => statuses()).toEqual(['failed']);
  expect(await failingSince()).toBe(since);
  expect(await deliveries()).toMatchObject([
    { attempts: 3, last_http_status: 500, event_type: 'charge.ended', order_id: orderId },
  ]);
  expect(new Set(receiver.received.map((webhook) => `${webhook.headers['webhook-id']} ${webhook.text}`)).size).toBe(1);
  expect(await alarmsOf()).toEqual(['webhook.delivery_failed']);
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  await emit(orderId, 'charge.ended', { n: 2 });
  await expect.poll(failingSince).toBeNull();
});

test('OP-20 a receiver that asks for time by 429 or 503 gets it, up to a day, and by nothing else', async () => {
  await register(receiver.url);
  const answers = [
    { status: 429, asked: '7200', waitS: 7_200 },
    { status: 503, asked: '7200', waitS: 7_200 },
    { status: 429, asked: '200000', waitS: 86_400 },
    { status: 502, asked: '7200', waitS: 60 },
  ];
  for (const { status, asked, waitS } of answers) {
    receiver.answer((_webhook, response) => response.writeHead(status, { 'retry-after': asked }).end());
    const orderId = await newOrder();
    await emit(orderId, 'charge.ended', { n: status });
    const [told] = await expect
      .poll(() => deliveries(`?order_id=${orderId}`))
      .toMatchObject([{ attempts: 1, last_http_status: status }])
      .then(() => deliveries(`?order_id=${orderId}`));
    const waitedS = (Date.parse(told.next_attempt_at) - clock.wallMs()) / 1000;
    expect(waitedS, `${status} ${asked}`).toBeGreaterThanOrEqual(waitS);
    expect(waitedS, `${status} ${asked}`).toBeLessThanOrEqual(waitS * 1.1);
  }
});

test('OP-20 a later event of one order waits for the earlier, other orders flow on', async () => {
  await register(receiver.url);
  const [blocked, free] = [await newOrder(), await newOrder()];
  let fail = true;
  receiver.answer((webhook, response) => response.writeHead(fail && webhook.body.data.n === 1 ? 503 : 200).end());
  await emit(blocked, 'charge.started', { n: 1 });
  await expect.poll(() => numbers(receiver)).toEqual([1]);
  await emit(blocked, 'charge.ended', { n: 2 });
  await emit(free, 'charge.started', { n: 3 });
  await emit(free, 'charge.ended', { n: 4 });
  await expect.poll(() => statuses(`?order_id=${free}`)).toEqual(['delivered', 'delivered']);
  expect(numbers(receiver)).toEqual([1, 3, 4]);
  expect(await statuses(`?order_id=${blocked}`)).toEqual(['pending', 'pending']);
  await expect.poll(async () => (await deliveries(`?order_id=${blocked}`))[1]?.attempts).toBe(1);
  fail = false;
  later(70_000);
  await expect.poll(() => statuses(`?order_id=${blocked}`)).toEqual(['delivered', 'delivered']);
  expect(numbers(receiver)).toEqual([1, 3, 4, 1, 2]);
});

test('OP-20 a receiver that does not answer delays no other', async () => {
  await register(receiver.url);
  await register(second.url);
  receiver.answer(() => {});
  const orders = await Promise.all(Array.from({ length: 20 }, () => newOrder()));
  for (const [n, orderId] of orders.entries()) await emit(orderId, 'charge.started', { n });
  await expect.poll(() => new Set(numbers(second)).size).toBe(20);
  expect(receiver.received.length).toBeLessThanOrEqual(PER_ENDPOINT);
});

test('OP-20 410 disables the address, cancels what waits, and raises an alarm', async () => {
  const endpoint = await register(receiver.url);
  const { promise: bothWait, resolve: letGo } = Promise.withResolvers<void>();
  receiver.answer((_webhook, response) => bothWait.then(() => response.writeHead(410).end()));
  const orderId = await newOrder();
  await emit(orderId, 'charge.started', { n: 1 });
  await emit(orderId, 'charge.ended', { n: 2 });
  letGo();
  await expect.poll(() => statuses()).toEqual(['cancelled', 'failed']);
  const listed = (await stage.partner.call('GET', '/v1/webhook-endpoints')).body.endpoints[0];
  expect(listed).toMatchObject({ endpoint_id: endpoint.endpoint_id, disabled_reason: expect.stringContaining('410') });
  expect(await alarmsOf()).toEqual(['webhook.endpoint_disabled']);
  await emit(orderId, 'charge.ended', { n: 3 });
  expect(await deliveries()).toHaveLength(2);
});

test('OP-20 an address that fails for 5 days is disabled', async () => {
  await register(receiver.url);
  receiver.answer((_webhook, response) => response.writeHead(500).end());
  const orderId = await newOrder();
  await emit(orderId, 'charge.started', { n: 1 });
  await expect.poll(async () => (await deliveries())[0]?.attempts).toBe(1);
  later(5 * 86_400_000);
  await expect.poll(alarmsOf).toEqual(['webhook.endpoint_disabled']);
  expect(await statuses()).toEqual(['failed']);
});

test('OP-20 private addresses and names that point to them are refused at registration', async () => {
  for (const url of [
    'https://127.0.0.1/',
    'http://127.0.0.1:1/',
    'https://10.0.0.1/',
    'https://evil.example/',
    'https://[::1]/',
  ]) {
    const answer = await stage.partner.call('POST', '/v1/webhook-endpoints', { url });
    expect(answer).toMatchObject({ status: 422, body: { code: 'webhook.address_refused' } });
  }
});

test('OP-20 an endpoint gets only the types it asked for, and after its removal nothing', async () => {
  const endpoint = await register(receiver.url, ['charge.ended']);
  const orderId = await newOrder();
  await emit(orderId, 'charge.started', { n: 1 });
  await emit(orderId, 'charge.ended', { n: 2 });
  await receiver.waitFor((webhook) => webhook.body.data.n === 2);
  expect(numbers(receiver)).toEqual([2]);
  const path = `/v1/webhook-endpoints/${endpoint.endpoint_id}`;
  expect((await stage.partner.call('DELETE', path)).status).toBe(204);
  await emit(orderId, 'charge.ended', { n: 3 });
  expect((await stage.partner.call('POST', `${path}/test`)).status).toBe(404);
  await expect.poll(() => statuses()).toEqual(['delivered']);
});

test('OP-20 a delivery whose worker died is taken over when its lease has run out', async () => {
  await register(receiver.url);
  const orderId = await newOrder();
  receiver.answer((_webhook, response) => response.writeHead(500).end());
  await emit(orderId, 'charge.started', { n: 1 });
  await expect.poll(async () => (await deliveries())[0]?.attempts).toBe(1);
  receiver.answer((_webhook, response) => response.writeHead(200).end());
  await cloud.context.db
    .updateTable('webhook_deliveries')
    .set({ next_attempt_at_ms: clock.wallMs(), leased_until_ms: clock.wallMs() + 30_000 })
    .where('lane', '=', orderId)
    .execute();
  later(29_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(receiver.received).toHaveLength(1);
  later(1_000);
  await expect.poll(() => statuses()).toEqual(['delivered']);
});

test('OP-20 what follows a failed event waits until that is failed for good, and then flows', async () => {
  await register(receiver.url);
  receiver.answer((webhook, response) => response.writeHead(webhook.body.data.n === 1 ? 500 : 200).end());
  const orderId = await newOrder();
  await emit(orderId, 'charge.started', { n: 1 });
  await expect.poll(async () => (await deliveries())[0]?.attempts).toBe(1);
  await emit(orderId, 'charge.ended', { n: 2 });
  const [second, first] = await deliveries();
  expect(second.next_attempt_at, 'not looked at before the first is').toBe(first.next_attempt_at);
  later(70_000);
  await expect
    .poll(async () => (await deliveries())[1]?.attempts, { message: 'written down before time goes on' })
    .toBe(2);
  later(330_000);
  await expect.poll(() => statuses()).toEqual(['delivered', 'failed']);
  expect(numbers(receiver)).toEqual([1, 1, 1, 2]);
});

test('OP-20 one that was put off behind a delivery that is gone is let go, and a retry is not', async () => {
  await register(receiver.url);
  const orderId = await newOrder();
  const forgotten = { lane: orderId, status: 'pending', next_attempt_at_ms: clock.wallMs() + 86_400_000 } as const;
  const eventId = await emit(orderId, 'charge.started', { n: 1 });
  await expect.poll(() => statuses()).toEqual(['delivered']);
  await cloud.context.db.updateTable('webhook_deliveries').set(forgotten).where('event_id', '=', eventId).execute();
  await freeForgotten(cloud.context.db, clock.wallMs());
  expect(await statuses(), 'a retry is not a first attempt').toEqual(['pending']);
  later(0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(numbers(receiver)).toEqual([1]);
  await cloud.context.db
    .updateTable('webhook_deliveries')
    .set({ attempts: 0 })
    .where('event_id', '=', eventId)
    .execute();
  await freeForgotten(cloud.context.db, clock.wallMs());
  later(0);
  await expect.poll(() => numbers(receiver)).toEqual([1, 1]);
});

test('OP-20 a receiver that fails is asked by one request at a time, until one comes through', async () => {
  const endpoint = await register(receiver.url);
  const failing = { failing_since_ms: clock.wallMs() };
  const endpoints = () =>
    cloud.context.db.updateTable('webhook_endpoints').where('endpoint_id', '=', endpoint.endpoint_id);
  await endpoints().set(failing).execute();
  const { promise: answered, resolve: letGo } = Promise.withResolvers<void>();
  receiver.answer((_webhook, response) => answered.then(() => response.writeHead(200).end()));
  for (let n = 0; n < 5; n += 1) await emit(await newOrder(), 'charge.started', { n });
  await expect.poll(() => receiver.received.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(receiver.received).toHaveLength(1);
  letGo();
  await expect.poll(() => statuses()).toEqual(Array.from({ length: 5 }, () => 'delivered'));
  expect((await stage.partner.call('GET', '/v1/webhook-endpoints')).body.endpoints[0].failing_since).toBeNull();
});
