import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTheStage } from '../testing/fixtures.ts';
import { hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { createDeliveryWorker } from './delivery-worker.ts';
import { createWebhookPoster } from './post.ts';

const clock = createTestClock();
let cloud: TestCloud;
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [receiver.hostPort], webhookRetryMs: [60_000] } });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
});

test('OP-20 what a worker breaks off because it stops is no failure of the receiver', async () => {
  const stage = await setTheStage(cloud, { name: 'restart' });
  const hooks = hookStage(cloud, clock, stage);
  const { endpoint_id: id } = await hooks.register(receiver.url);
  const path = `/v1/webhook-endpoints/${id}`;
  receiver.answer((_webhook, response) => response.writeHead(503).end());
  await hooks.emit(await hooks.newOrder(), 'charge.ended', { n: 1 });
  await expect.poll(async () => (await hooks.deliveries())[0].attempts).toBe(1);
  await stage.partner.call('POST', `${path}/pause`);
  receiver.answer(() => {});
  clock.advance(70_000);
  // Another process, which takes it as its last attempt and is stopped while the receiver works on it.
  const lookUp = () => Promise.resolve([]);
  const poster = createWebhookPoster({ lookUp, devAllow: [receiver.hostPort] });
  const worker = createDeliveryWorker(
    { ...cloud.context, wake: { ...cloud.context.wake, deliveries: () => {} } },
    poster,
  );
  await cloud.context.db.updateTable('webhook_endpoints').set({ paused_at_ms: null }).execute();
  await worker.startDue();
  await expect.poll(() => receiver.received.length).toBe(2);
  await poster.close();
  await worker.idle();
  expect(await hooks.statuses()).toEqual(['pending']);
  expect(await hooks.alarms()).toEqual([]);
});
