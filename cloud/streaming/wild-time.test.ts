import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';

const clock = createTestClock();
let cloud: TestCloud;
let receiver: WebhookReceiver;
let stage: Stage;
const edges = new Map<string, FakeEdge>();

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [receiver.hostPort] } });
  for (const name of ['wild', 'tame']) {
    stage = await setTheStage(cloud, { name });
    const edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
    await edge.hello();
    edges.set(name, edge);
  }
  await hookStage(cloud, clock, stage).register(receiver.url, ['connector.status_changed']);
});
afterAll(async () => {
  for (const edge of edges.values()) await edge.close();
  await cloud?.stop();
  await receiver?.close();
});

test.each([
  ['that no calendar has', 9e15, 'available'],
  ['beyond what is told as a date', Date.parse('9999-12-31T23:59:59.999Z') + 1, 'plugged'],
  ['long before there were any', -9e15, 'available'],
] as const)(
  'XC-08 OP-11 a site that tells a time %s is told so, and nobody else waits for it',
  async (_what, observedAtMs, status) => {
    const before = receiver.received.length;
    await edges.get('wild')?.state('wild-c1', { status, observedAtMs });
    expect(await edges.get('wild')?.take('nack')).toMatchObject({ code: 'wire.schema' });
    await edges.get('tame')?.state('tame-c1', { status });
    await expect
      .poll(() => receiver.received.slice(before).map(({ body }) => `${body.data.connector_id} ${body.data.status}`))
      .toEqual([`tame-c1 ${status}`]);
    expect((await stage.partner.call('GET', '/v1/connectors')).status).toBe(200);
  },
);
