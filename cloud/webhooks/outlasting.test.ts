import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { beforeTransaction } from '../testing/before-transaction.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { type HookStage, hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { LONGEST_PAUSE_MS, lookAfterWebhooks } from './look-after.ts';
import { MOST_AT_ONCE } from './replay.ts';

const DAY_MS = 86_400_000;
const clock = createTestClock();
let cloud: TestCloud;
let receiver: WebhookReceiver;
let other: WebhookReceiver;
let stage: Stage;
let hooks: HookStage;
let runs = 0;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  other = await startWebhookReceiver();
  cloud = await startTestCloud({
    clock,
    config: { webhookDevAllow: [receiver.hostPort, other.hostPort], webhookRetryMs: [60_000, 3_600_000] },
  });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
  await other?.close();
});
beforeEach(async () => {
  runs += 1;
  stage = await setTheStage(cloud, { name: `outlast${runs}` });
  hooks = hookStage(cloud, clock, stage);
  for (const server of [receiver, other]) {
    server.received.length = 0;
    server.answer((_webhook, response) => response.writeHead(204).end());
  }
});
afterEach(async () => {
  await hooks.cancelAll();
  receiver.hangUp();
});

const own = (id: string, what = '') => `/v1/webhook-endpoints/${id}${what}`;
const look = async (id: string) => (await stage.partner.call('GET', own(id))).body;

test('OP-20 a pause does not count as failing: after it, one failure does not disable the endpoint', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  receiver.answer((_webhook, response) => response.writeHead(503).end());
  await hooks.emit(await hooks.newOrder(), 'charge.ended', { n: 1 });
  await expect.poll(async () => (await look(id)).failing_since).not.toBeNull();
  await stage.partner.call('POST', own(id, '/pause'));
  hooks.later(6 * DAY_MS);
  await hooks.emit(await hooks.newOrder(), 'charge.ended', { n: 2 });
  await stage.partner.call('POST', own(id, '/enable'));
  hooks.later(1);
  await expect.poll(() => receiver.received.length).toBeGreaterThan(1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const endpoint = await look(id);
  expect([endpoint.status, endpoint.disabled_reason]).toEqual(['enabled', null]);
});

test('OP-20 a pause that its partner ends while it is about to be ended for being too long disables nothing', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  await stage.partner.call('POST', own(id, '/pause'));
  await hooks.emit(await hooks.newOrder(), 'charge.ended', { n: 1 });
  clock.advance(LONGEST_PAUSE_MS);
  const db = beforeTransaction(cloud.context.db, 1, async () => {
    expect((await stage.partner.call('POST', own(id, '/enable'))).status).toBe(200);
  });
  await lookAfterWebhooks({ ...cloud.context, db });
  expect((await look(id)).status).toBe('enabled');
  await expect.poll(() => receiver.received.map(({ body }) => body.data)).toEqual([{ n: 1 }]);
});

test('OP-20 what the former address answers does not disable an endpoint that has another one by then', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  let release = () => {};
  receiver.answer((_webhook, response) => {
    release = () => response.writeHead(410).end();
  });
  const orderId = await hooks.newOrder();
  await hooks.emit(orderId, 'charge.ended', { n: 1 });
  await expect.poll(() => receiver.received.length).toBe(1);
  expect((await stage.partner.call('PATCH', own(id), { url: other.url })).status).toBe(200);
  await hooks.emit(orderId, 'occupancy.ended', { n: 2 });
  release();
  await expect.poll(async () => (await hooks.deliveries()).at(-1)?.attempts).toBe(1);
  const endpoint = await look(id);
  expect([endpoint.status, endpoint.disabled_reason]).toEqual(['enabled', null]);
});

test('OP-20 a range that takes several replays leaves none out, whatever the order in which its events were stored', async () => {
  const { endpoint_id: id } = await hooks.register(receiver.url);
  await stage.partner.call('POST', own(id, '/pause'));
  const fromMs = clock.wallMs();
  const owner = { partner_id: stage.partnerId, environment: 'sandbox' as const, order_id: null };
  const rows = Array.from({ length: MOST_AT_ONCE + 2 }, (_, n) => ({
    ...owner,
    event_id: `msg_${n.toString(16).padStart(32, '0')}`,
    type: 'charge.ended',
    payload: '{}',
    // The last one was begun before its neighbours, and stored after them, as by another process.
    created_at_ms: fromMs + (n === MOST_AT_ONCE + 1 ? 500 : n),
  }));
  await cloud.context.db.insertInto('webhook_events').values(rows).execute();
  clock.advance(60_000);
  const range = { endpoint_id: id, created_to: new Date(clock.wallMs()).toISOString() };
  let from: string | null = new Date(fromMs).toISOString();
  let sent = 0;
  for (let n = 0; n < 5 && from !== null; n += 1) {
    const wish = { request_id: `range-${runs}-${n}`, ...range, created_from: from };
    const { body } = await stage.partner.call('POST', '/v1/webhook-replays', wish);
    sent += body.deliveries;
    from = body.next_from;
  }
  expect([sent, from]).toEqual([rows.length, null]);
});
