import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChargingSite, openChargingSite } from '../testing/charging-site.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { createPartnerClient } from '../testing/partner-client.ts';
import { reported } from '../testing/records.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';

let cloud: TestCloud;
let receiver: WebhookReceiver;
const lines: Record<string, unknown>[] = [];

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({
    config: { webhookDevAllow: [receiver.hostPort] },
    logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
});

const traceOf = async (requestId: string) => {
  const url = `/staff/v1/trace/${encodeURIComponent(requestId)}`;
  const answer = await cloud.app.inject({ url, headers: { authorization: `Bearer ${cloud.staffToken}` } });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
};

async function wholeCharge(site: ChargingSite, startId: string, stopId: string): Promise<string> {
  const started = await site.start(startId);
  const command = await site.takeStart();
  await site.edge.record(reported(command.commandId, 'received'));
  const { sessionId } = await site.begin(command);
  const orderId: string = started.body.order_id;
  await expect.poll(async () => (await site.order(orderId)).state).toBe('charging');
  expect((await site.stop(orderId, stopId)).status).toBe(202);
  const stop = await site.edge.take('command', (message) => message.kind === 'stop');
  await site.edge.record(site.ended(sessionId, orderId));
  await site.edge.record(reported(stop.commandId, 'done'));
  await expect.poll(async () => (await site.order(orderId)).state).toBe('completed');
  return orderId;
}

test('OP-25 the story of a request is told in order, from the call to the delivered event', async () => {
  const site = await openChargingSite(cloud, 'trace');
  await site.stage.partner.call('POST', '/v1/webhook-endpoints', { url: receiver.url });
  const orderId = await wholeCharge(site, 'start/1', 'stop/1');
  await expect.poll(async () => (await traceOf('start/1')).traces[0].missing).toEqual([]);
  const { traces } = await traceOf('start/1');
  expect(traces).toHaveLength(1);
  const [{ steps, ...about }] = traces;
  expect(about).toMatchObject({ partner_id: 'partner-trace', order_id: orderId, request_ids: ['start/1', 'stop/1'] });
  const told = steps.map((step: { source: string; what: string }) => `${step.source}: ${step.what}`);
  const inOrder = [
    'partner: call start',
    'cloud: operation start is accepted',
    'cloud: command start is written',
    'broker: command start is published',
    "site: command start is in the site's inbox, as it reports",
    'cloud: operation start succeeded',
    'partner: call stop',
    'broker: command stop is published',
    'site: record session.ended is taken',
    'cloud: operation stop succeeded',
    'webhook: charge.ended is delivered',
  ];
  expect(told.filter((what: string) => inOrder.includes(what))).toEqual(inOrder);
  const times = steps.map((step: { at: string }) => step.at);
  expect(times).toEqual(times.toSorted());
  const call = steps[0].detail;
  expect(call).toMatchObject({ key_id: site.stage.key.key_id, address: '127.0.0.1', answer: 202 });
  expect((await traceOf('stop/1')).traces[0].steps).toEqual(steps);
  expect(JSON.stringify(traces)).not.toContain(site.stage.key.secret);
  const logged = lines.filter((line) => line.requestId === 'start/1');
  expect(logged.map((line) => line.msg)).toEqual(
    expect.arrayContaining(['operation is accepted', 'command sent', 'operation succeeds']),
  );
  expect(logged.find((line) => line.msg === 'operation is accepted')?.correlationId).toBe(call.correlation_id);
});

test('OP-25 what is missing is said: nobody hears the site, and no endpoint wants the event', async () => {
  const site = await openChargingSite(cloud, 'quiet');
  await site.start('quiet-1');
  await site.takeStart();
  const [{ missing }] = (await traceOf('quiet-1')).traces;
  expect(missing).toEqual([
    'operation start has no outcome yet',
    'the site has not reported on command start',
    'no event for the partner yet',
  ]);
});

test('OP-25 partners that have used the same name are told apart, and a request that was refused is on the log', async () => {
  const [one, other] = [await openChargingSite(cloud, 'one'), await openChargingSite(cloud, 'other')];
  await one.start('same');
  await other.start('same');
  const traces: { partner_id: string }[] = (await traceOf('same')).traces;
  expect(traces.map((trace) => trace.partner_id).sort()).toEqual(['partner-one', 'partner-other']);
  expect((await one.start('late')).status).toBe(409);
  expect((await traceOf('late')).traces).toEqual([]);
  expect(lines.find((line) => line.requestId === 'late')).toMatchObject({
    msg: 'request is refused',
    code: 'connector.occupied',
    correlationId: expect.any(String),
  });
});

test('OP-25 a call that is refused before its request_id is read is on the log by what its answer tells of it, with key and partner', async () => {
  const { partner, key, partnerId } = await setTheStage(cloud, { name: 'refused' });
  const forged = createPartnerClient(cloud.app, cloud.clock, { ...key, secret: 'another' });
  const calls = [
    { code: 'auth.forbidden', answer: await partner.call('GET', '/v1/credit') },
    { code: 'request.invalid', answer: await partner.call('GET', '/v1/stations?colour=red') },
    { code: 'order.unknown', answer: await partner.call('GET', `/v1/orders/${randomUUID()}`) },
    { code: 'auth.bad_signature', answer: await forged.call('POST', '/v1/operations/start', { request_id: 'forged' }) },
  ];
  for (const { code, answer } of calls) {
    const correlationId = answer.headers['pilegate-correlation'];
    expect(correlationId).toEqual(expect.any(String));
    const found = lines.filter((line) => line.correlationId === correlationId);
    expect(found).toMatchObject([{ msg: 'request is refused', code, keyId: key.key_id, partnerId }]);
  }
  const unknown = createPartnerClient(cloud.app, cloud.clock, { ...key, key_id: 'pk_sandbox_nobody' });
  const stranger = await unknown.call('GET', '/v1/stations');
  expect(stranger.body.code).toBe('auth.unknown_key');
  expect(lines.filter((line) => line.correlationId === stranger.headers['pilegate-correlation'])).toEqual([]);
});

test('OP-25 the trace of the caller is kept with the operation, and anything else in its place is not', async () => {
  const site = await openChargingSite(cloud, 'w3c');
  const { partner, connectorIds } = await setTheStage(cloud, { name: 'nobody' });
  expect(connectorIds).toHaveLength(1);
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const { traceIdOf } = await import('../http/correlation.ts');
  const idOf = (traceparent: string) => traceIdOf({ headers: { traceparent } });
  expect(idOf(`00-${traceId}-00f067aa0ba902b7-01`)).toBe(traceId);
  expect(idOf(`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`)).toBeNull();
  expect(idOf(`ff-${traceId}-00f067aa0ba902b7-01`)).toBeNull();
  expect(idOf("'; drop table operations")).toBeNull();
  expect((await partner.call('GET', '/v1/orders')).headers['pilegate-correlation']).toMatch(/^[0-9a-f-]{36}\/req-/);
  await site.start('w3c-1');
  expect((await traceOf('w3c-1')).traces[0].steps[0].detail.trace_id).toBeNull();
});
