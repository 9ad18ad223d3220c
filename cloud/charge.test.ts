import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFakeEdge, type FakeEdge } from './testing/fake-edge.ts';
import { type Stage, setTheStage } from './testing/fixtures.ts';
import { ended, reported, started } from './testing/records.ts';
import { createTestClock } from './testing/test-clock.ts';
import { startTestCloud, type TestCloud } from './testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from './testing/webhook-receiver.ts';

const clock = createTestClock();
let cloud: TestCloud;
let receiver: WebhookReceiver;
let stage: Stage;
let edge: FakeEdge;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [receiver.hostPort] } });
  stage = await setTheStage(cloud, { name: 'charge' });
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
});
afterAll(async () => {
  await edge?.close();
  await cloud?.stop();
  await receiver?.close();
});

test('OP-13 OP-15 OP-19 one charge from the signed start to the bill, told by webhook', async () => {
  const connectorId = stage.connectorIds[0] ?? '';
  const endpoint = await stage.partner.call('POST', '/v1/webhook-endpoints', { url: receiver.url });
  expect(endpoint.status).toBe(201);
  await edge.hello();
  await edge.state(connectorId);
  await expect
    .poll(async () => (await stage.partner.call('GET', `/v1/connectors/${connectorId}`)).body.status)
    .toBe('plugged');

  const start = await stage.partner.call('POST', '/v1/operations/start', {
    request_id: 'r-1',
    connector_id: connectorId,
  });
  expect(start.status).toBe(202);
  const command = await edge.take('command');
  if (command.kind !== 'start') throw new Error('not a start');
  expect(command).toMatchObject({ orderId: start.body.order_id, requestId: 'r-1', connectorId });

  await edge.record(reported(command.commandId, 'received'));
  const session = started(edge, command);
  await edge.record(session);
  const startedHook = await receiver.waitFor((hook) => hook.body.type === 'charge.started');
  expect(startedHook.body.data).toMatchObject({ order_id: command.orderId, state: 'charging' });
  await edge.record(reported(command.commandId, 'done', { sessionId: session.sessionId }));

  await edge.state(connectorId, { status: 'charging', sessionId: session.sessionId, energyWh: 500, powerW: 7_000 });
  const orderPath = `/v1/orders/${command.orderId}`;
  await expect.poll(async () => (await stage.partner.call('GET', orderPath)).body.progress?.energy_wh).toBe(500);

  const stop = await stage.partner.call('POST', '/v1/operations/stop', {
    request_id: 'r-2',
    order_id: command.orderId,
  });
  expect(stop.status).toBe(202);
  const stopCommand = await edge.take('command');
  expect(stopCommand).toMatchObject({ kind: 'stop', sessionId: session.sessionId, reason: 'partner' });
  await edge.record(
    ended(edge, stage, {
      sessionId: session.sessionId,
      orderId: command.orderId,
      connectorId,
      startMs: clock.wallMs(),
    }),
  );
  const endedHook = await receiver.waitFor((hook) => hook.body.type === 'charge.ended');
  expect(endedHook.body.data).toMatchObject({ state: 'completed', energy_wh: 7_000, stop_reason: 'partner' });
  expect(endedHook.body.data.cdr.readings).toHaveLength(2);
  expect(endedHook.body.data.cdr.tariff.version).toBe(1);
  expect(endedHook.body.data.cdr.bill).toEqual(endedHook.body.data.cdr.bill_of_platform);

  const order = await stage.partner.call('GET', orderPath);
  expect(order.body).toMatchObject({
    state: 'completed',
    amount_due: { minor: 1_120, decimal: '11.20', currency: 'CNY' },
  });
  const stopped = await stage.partner.call('GET', `/v1/operations/${stop.body.operation_id}`);
  expect(stopped.body).toMatchObject({ status: 'succeeded', failure: null });
});
