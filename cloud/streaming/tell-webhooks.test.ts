import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { type HookStage, hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { statusChangeSchema } from './messages.ts';
import { SUPERSEDED, tellWebhooks } from './tell-webhooks.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let hooks: HookStage;
let edge: FakeEdge;
let receiver: WebhookReceiver;
const id = 'tell-c1';

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [receiver.hostPort] } });
  stage = await setTheStage(cloud, { name: 'tell', connectors: 2 });
  hooks = hookStage(cloud, clock, stage);
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  await edge.hello();
});
afterAll(async () => {
  await edge?.close();
  await cloud?.stop();
  await receiver?.close();
});

const told = (path: string): string[] =>
  receiver.received
    .filter((webhook) => webhook.path === path && webhook.body.type === 'connector.status_changed')
    .map(({ body }) => `${body.data.connector_id}:${body.data.previous_status}>${body.data.status}`);
const url = (path: string) => receiver.url.replace('/hooks', path);
/** Until the status is stored, and every change has become events. */
const allTold = async (status: string) => {
  await expect
    .poll(async () => {
      const states = cloud.context.db.selectFrom('connector_states').select('public_status');
      return (await states.where('connector_id', '=', id).executeTakeFirst())?.public_status;
    })
    .toBe(status);
  await expect
    .poll(async () => {
      // Before the positions: what gets its own in between is seen there.
      const waiting = await cloud.context.db.selectFrom('status_changes_unnumbered').select('change_id').execute();
      const rows = await cloud.context.db.selectFrom('status_positions').selectAll().execute();
      return waiting.length + new Set(rows.filter((row) => row.name !== 'floor').map((row) => row.position)).size;
    })
    .toBe(1);
};

test('OP-11 OP-20 an endpoint that asks for it by name is told of each change, in order; others are not', async () => {
  await hooks.register(url('/named'), ['connector.status_changed']);
  await hooks.register(url('/all'));
  await edge.state(id, { status: 'available' });
  await expect.poll(() => told('/named')).toEqual([`${id}:unknown>available`]);
  await edge.state(id, { status: 'plugged' });
  await expect.poll(() => told('/named')).toHaveLength(2);
  clock.advance(15_001);
  await expect
    .poll(() => told('/named'))
    .toEqual([`${id}:unknown>available`, `${id}:available>plugged`, `${id}:plugged>unknown`]);
  expect(told('/all')).toEqual([]);
  for (const { body } of receiver.received) statusChangeSchema.parse(body.data);
});

test('OP-11 each change becomes an event once, however many processes are at it', async () => {
  await edge.state(id, { status: 'faulted' });
  await Promise.all(Array.from({ length: 8 }, () => tellWebhooks(cloud.context)));
  await allTold('faulted');
  await Promise.all(Array.from({ length: 8 }, () => tellWebhooks(cloud.context)));
  const events = await cloud.context.db
    .selectFrom('webhook_events')
    .select('payload')
    .where('payload', 'like', '%"faulted"%')
    .execute();
  expect(events).toHaveLength(1);
});

test('OP-11 while an endpoint does not answer, the newest status of a connector takes the place of older ones that wait', async () => {
  await expect.poll(() => told('/named').at(-1)).toBe(`${id}:unknown>faulted`);
  receiver.received.length = 0;
  receiver.answer((_webhook, response) => response.writeHead(500).end());
  await edge.state(id, { status: 'available' });
  await expect.poll(() => told('/named')).toHaveLength(1);
  // The failed attempt is on record, and the next one is a minute away.
  await expect
    .poll(async () =>
      (await hooks.deliveries()).filter(
        (one: { attempts: number; status: string }) => one.attempts > 0 && one.status === 'pending',
      ),
    )
    .toHaveLength(1);
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  await edge.state('tell-c2', { status: 'available' });
  await edge.state(id, { status: 'unavailable' });
  await expect.poll(() => told('/named').at(-1)).toBe(`${id}:available>unavailable`);
  const superseded = await cloud.context.db
    .selectFrom('webhook_deliveries')
    .select('lane')
    .where('status', '=', 'cancelled')
    .where('last_error', '=', SUPERSEDED)
    .execute();
  expect(superseded).toEqual([{ lane: id }]);
  expect(told('/named').filter((one) => one.startsWith('tell-c2'))).toEqual(['tell-c2:unknown>available']);
});

test('OP-27 a partner hears nothing of a station that it may not use', async () => {
  await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/access`, {
    environment: 'sandbox',
    stations: 'listed',
    site_ids: [],
    reason: 'contract',
  });
  receiver.received.length = 0;
  await edge.state(id, { status: 'charging' });
  await allTold('charging');
  const rows = await cloud.context.db
    .selectFrom('webhook_events')
    .select('event_id')
    .where('payload', 'like', '%"charging"%')
    .execute();
  expect([rows, told('/named')]).toEqual([[], []]);
});
