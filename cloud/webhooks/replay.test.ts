import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { type HookStage, hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { MOST_AT_ONCE, MOST_WAITING } from './replay.ts';

const clock = createTestClock();
let cloud: TestCloud;
let receiver: WebhookReceiver;
let stage: Stage;
let hooks: HookStage;
let endpointId = '';
let runs = 0;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [receiver.hostPort], webhookRetryMs: [60_000] } });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
});
beforeEach(async () => {
  runs += 1;
  stage = await setTheStage(cloud, { name: `again${runs}` });
  hooks = hookStage(cloud, clock, stage);
  clock.advance(60_000);
  receiver.received.length = 0;
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  endpointId = (await hooks.register(receiver.url)).endpoint_id;
});
afterEach(async () => {
  await hooks.cancelAll();
  receiver.hangUp();
});

const iso = (ms: number) => new Date(ms).toISOString();
const numbers = () => receiver.received.map(({ body }) => body.data.n);
const ids = () => receiver.received.map(({ headers }) => headers['webhook-id']);
let requests = 0;
const replay = (wish: object) => {
  requests += 1;
  return stage.partner.call('POST', '/v1/webhook-replays', { request_id: `r-${requests}`, ...wish });
};
const range = (fromMs: number, which?: 'all') => ({
  endpoint_id: endpointId,
  created_from: iso(fromMs),
  created_to: iso(clock.wallMs() + 1),
  ...(which === undefined ? {} : { which }),
});
const pause = () => stage.partner.call('POST', `/v1/webhook-endpoints/${endpointId}/pause`);
const enable = () => stage.partner.call('POST', `/v1/webhook-endpoints/${endpointId}/enable`);

test('OP-20 one event comes once more with the id and the bytes that it had, once for a request_id', async () => {
  const eventId = await hooks.emit(await hooks.newOrder(), 'charge.ended', { n: 1 });
  await expect.poll(() => hooks.statuses()).toEqual(['delivered']);
  const wish = { request_id: 'once', event_id: eventId };
  const answers = await Promise.all([replay(wish), replay(wish), replay(wish)]);
  expect(answers.map(({ status, body }) => [status, body])).toEqual(
    answers.map(() => [202, { replay_id: answers[0]?.body.replay_id, deliveries: 1, next_from: null }]),
  );
  await expect.poll(() => hooks.statuses()).toEqual(['delivered', 'delivered']);
  expect(ids()).toEqual([eventId, eventId]);
  expect(receiver.received[1]?.text).toBe(receiver.received[0]?.text);
  expect((await hooks.deliveries())[0]).toMatchObject({ event_id: eventId, replay_id: answers[0]?.body.replay_id });
  expect((await replay({ ...wish, endpoint_id: endpointId })).body.code).toBe('request_id.reused');
});

test('OP-20 a range brings what was not delivered, also what a disabled endpoint has missed, in order; on demand all of it', async () => {
  const fromMs = clock.wallMs();
  const [one, two] = [await hooks.newOrder(), await hooks.newOrder()];
  await hooks.emit(one, 'charge.started', { n: 1 });
  await expect.poll(() => hooks.statuses()).toEqual(['delivered']);
  receiver.answer((_webhook, response) => response.writeHead(410).end());
  await hooks.emit(one, 'charge.ended', { n: 2 });
  await expect.poll(() => hooks.statuses()).toEqual(['failed', 'delivered']);
  await hooks.emit(two, 'charge.started', { n: 3 });
  await hooks.emit(two, 'charge.ended', { n: 4 });
  await hooks.emit(two, 'occupancy.ended', { n: 5 });
  expect((await replay(range(fromMs))).body.code).toBe('webhook.disabled');
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  await enable();
  receiver.received.length = 0;
  expect((await replay(range(fromMs))).body).toMatchObject({ deliveries: 4, next_from: null });
  await expect.poll(() => hooks.statuses('?status=delivered')).toHaveLength(5);
  expect(numbers().toSorted()).toEqual([2, 3, 4, 5]);
  expect(numbers().filter((n) => n > 2)).toEqual([3, 4, 5]);
  expect((await replay(range(fromMs))).body.deliveries).toBe(0);
  receiver.received.length = 0;
  expect((await replay(range(fromMs, 'all'))).body.deliveries).toBe(5);
  await expect.poll(() => numbers().length).toBe(5);
  expect(numbers().filter((n) => n <= 2)).toEqual([1, 2]);
});

test('OP-20 a replayed event does not overtake what waits in its lane, and what is pending is not sent twice', async () => {
  const orderId = await hooks.newOrder();
  const first = await hooks.emit(orderId, 'charge.started', { n: 1 });
  await expect.poll(() => hooks.statuses()).toEqual(['delivered']);
  await pause();
  const second = await hooks.emit(orderId, 'charge.ended', { n: 2 });
  expect((await replay({ event_id: first })).body.deliveries).toBe(1);
  expect((await replay({ event_id: first })).body.deliveries).toBe(0);
  expect((await replay({ event_id: second })).body.deliveries).toBe(0);
  await enable();
  await expect.poll(() => numbers()).toEqual([1, 2, 1]);
});

test('OP-20 a replay has limits, and says where the next one goes on', async () => {
  await pause();
  const fromMs = clock.wallMs();
  const owner = { partner_id: stage.partnerId, environment: 'sandbox' as const, order_id: null };
  const insert = (count: number) =>
    cloud.context.db
      .insertInto('webhook_events')
      .values(
        Array.from({ length: count }, (_, n) => ({
          ...owner,
          event_id: `msg_${runs}_${n}`,
          type: 'charge.ended',
          payload: '{}',
          created_at_ms: fromMs + n,
        })),
      )
      .execute();
  await insert(MOST_AT_ONCE + 1);
  clock.advance(2 * MOST_AT_ONCE);
  const { body } = await replay(range(fromMs));
  expect(body).toMatchObject({ deliveries: MOST_AT_ONCE, next_from: iso(fromMs + MOST_AT_ONCE) });
  expect((await replay({ ...range(fromMs), created_from: body.next_from })).body).toMatchObject({ deliveries: 1 });
  const waiting = await cloud.context.db.selectFrom('webhook_deliveries').selectAll().limit(1).executeTakeFirst();
  expect(waiting).toBeDefined();
  const eventIds = Array.from({ length: MOST_WAITING - MOST_AT_ONCE - 1 }, (_, n) => `msg_${runs}_more_${n}`);
  const event = { ...owner, type: 'charge.ended', payload: '{}', created_at_ms: 1 };
  await cloud.context.db
    .insertInto('webhook_events')
    .values(eventIds.map((event_id) => ({ ...event, event_id })))
    .execute();
  const rest = { endpoint_id: endpointId, lane: 'l', status: 'pending' as const, replay_id: 'wr_x' };
  await cloud.context.db
    .insertInto('webhook_deliveries')
    .values(eventIds.map((event_id) => ({ ...rest, event_id, next_attempt_at_ms: 1, created_at_ms: 1 })))
    .execute();
  const refused = await replay(range(fromMs, 'all'));
  expect(refused).toMatchObject({
    status: 409,
    body: { code: 'webhook.replay_busy' },
    headers: { 'retry-after': '60' },
  });
});

test('OP-20 deliveries are listed by endpoint, order, event, type, status and time, page by page, and each tells its attempts', async () => {
  const fromMs = clock.wallMs();
  const orderId = await hooks.newOrder();
  const first = await hooks.emit(orderId, 'charge.started', { n: 1 });
  await expect.poll(() => hooks.statuses()).toEqual(['delivered']);
  clock.advance(1_000);
  receiver.answer((_webhook, response) => response.writeHead(503, { 'retry-after': '7200' }).end('not now'));
  await hooks.emit(orderId, 'charge.ended', { n: 2 });
  await hooks.emit(null, 'charge.start_failed', { n: 3 });
  await expect
    .poll(async () => (await hooks.deliveries()).map((one: { attempts: number }) => one.attempts))
    .toEqual([1, 1, 1]);
  const listed = async (query: string) =>
    (await hooks.deliveries(`?${query}`)).map((one: { event_type: string }) => one.event_type);
  expect(await listed(`endpoint_id=${endpointId}`)).toEqual(['charge.start_failed', 'charge.ended', 'charge.started']);
  expect(await listed(`endpoint_id=we_${'0'.repeat(32)}`)).toEqual([]);
  expect(await listed(`order_id=${orderId}`)).toEqual(['charge.ended', 'charge.started']);
  expect(await listed(`event_id=${first}`)).toEqual(['charge.started']);
  expect(await listed('event_type=charge.ended')).toEqual(['charge.ended']);
  expect(await listed('status=pending')).toEqual(['charge.start_failed', 'charge.ended']);
  expect(await listed(`created_from=${iso(fromMs)}&created_to=${iso(fromMs + 1)}`)).toEqual(['charge.started']);
  const pages: string[] = [];
  let cursor = '';
  for (let page = 0; page < 5 && cursor !== null; page += 1) {
    const path = `/v1/webhook-deliveries?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { body } = await stage.partner.call('GET', path);
    pages.push(...body.deliveries.map((one: { event_type: string }) => one.event_type));
    cursor = body.next_cursor;
    if (page === 0) await hooks.emit(null, 'occupancy.ended', { n: 4 });
  }
  expect(pages).toEqual(['charge.start_failed', 'charge.ended', 'charge.started']);
  const [failed] = await hooks.deliveries('?event_type=charge.ended');
  const path = `/v1/webhook-deliveries/${failed.delivery_id}`;
  const { body } = await stage.partner.call('GET', path);
  expect(body).toMatchObject({ ...failed, tries: [{ http_status: 503, error: 'HTTP 503', duration_ms: 0 }] });
  expect(JSON.parse(body.body)).toMatchObject({ type: 'charge.ended', data: { n: 2 } });
  expect(Date.parse(body.next_attempt_at) - clock.wallMs(), 'as long as the receiver asks').toBe(7_200_000);
  const other = (await setTheStage(cloud, { name: `again${runs}b` })).partner;
  expect((await other.call('GET', path)).body.code).toBe('webhook.delivery_unknown');
  expect((await other.call('GET', '/v1/webhook-deliveries')).body.deliveries).toEqual([]);
  const wish = { request_id: 'theirs', event_id: first };
  expect((await other.call('POST', '/v1/webhook-replays', wish)).body.code).toBe('webhook.event_unknown');
  const ranged = { request_id: 'theirs-2', ...range(fromMs) };
  expect((await other.call('POST', '/v1/webhook-replays', ranged)).body.code).toBe('webhook.unknown');
});

test('OP-20 XC-01 staff see where a partner is told and what came of it, and replay on the record', async () => {
  const eventId = await hooks.emit(await hooks.newOrder(), 'charge.ended', { n: 1 });
  await expect.poll(() => hooks.statuses()).toEqual(['delivered']);
  const staff = async (method: 'GET' | 'POST', path: string, payload?: object) => {
    const response = await cloud.app.inject({
      method,
      url: `/staff/v1${path}`,
      headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
      ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
    });
    return response.json();
  };
  const of = `/partners/${stage.partnerId}`;
  const { endpoints } = await staff('GET', `${of}/webhook-endpoints`);
  expect(endpoints).toMatchObject([{ endpoint_id: endpointId, environment: 'sandbox', status: 'enabled' }]);
  const { deliveries } = await staff('GET', `${of}/webhook-deliveries?status=delivered`);
  expect(deliveries).toMatchObject([{ event_id: eventId }]);
  const one = await staff('GET', `${of}/webhook-deliveries/${deliveries[0].delivery_id}`);
  expect(one.tries).toMatchObject([{ http_status: 204, error: null }]);
  const wish = { request_id: 's-1', environment: 'sandbox', event_id: eventId };
  expect(await staff('POST', `${of}/webhook-replays`, wish)).toMatchObject({ deliveries: 1 });
  await expect.poll(() => numbers()).toEqual([1, 1]);
  const [entry] = (await staff('GET', '/audit?limit=1')).entries;
  expect(entry).toMatchObject({ action: 'webhook.replay', subject_id: stage.partnerId, detail: wish });
  expect((await replay({ request_id: 's-1', event_id: eventId })).status, 'its own request ids').toBe(202);
});
