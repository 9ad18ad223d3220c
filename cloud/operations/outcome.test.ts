import { expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { failOverdueStarts } from './sweeper.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('oc', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

/** Nobody confirms: the deadline and its grace pass, and the site cancels as it is told. */
async function passDeadline(): Promise<void> {
  clock.advance(65_000);
  await failOverdueStarts(cloud.context);
  const { commandId } = await site.edge.take('cancel');
  await site.edge.record(reported(commandId, 'failed', { code: 'command.cancelled' }));
}

test('OP-15 what only the site finds fails the operation with the same code, and frees the connector', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  expect(command).toMatchObject({ expect: 'no-session', ttlMs: 60_000, expiresAtMs: clock.wallMs() + 60_000 });
  await site.edge.record(reported(command.commandId, 'received'));
  await site.edge.record(
    reported(command.commandId, 'failed', { code: 'connector.occupied', detail: 'charging since 9' }),
  );
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'connector.occupied', fault: 'caller' },
  });
  expect(await site.order(body.order_id)).toMatchObject({
    state: 'start_failed',
    failure: { detail: 'charging since 9' },
  });
  expect(await site.eventTypes()).toEqual(['charge.start_failed']);
  expect((await site.start('r-2')).status).toBe(202);
});

test('OP-15 each operation gets exactly one final outcome', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  await site.edge.record(reported(command.commandId, 'failed', { code: 'pile.write_failed', detail: 'no answer' }));
  await site.edge.record(reported(command.commandId, 'failed', { code: 'store.unavailable', detail: 'again' }));
  await site.begin(command);
  await passDeadline();
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'pile.write_failed' },
  });
  expect(await site.eventTypes()).toEqual(['charge.start_failed']);
  expect((await site.order(body.order_id)).state).toBe('start_failed');
});

test('OP-17 every open operation of an order gets its outcome when the charge ends', async () => {
  const { body } = await site.start();
  const session = await site.begin(await site.takeStart());
  const stops = [await site.stop(body.order_id, 's-1'), await site.stop(body.order_id, 's-2')];
  const change = { stopReason: 'vehicle' as const };
  await site.edge.record(site.ended(session.sessionId, body.order_id, change));
  for (const { body: stopBody } of stops)
    expect((await site.operation(stopBody.operation_id)).status).toBe('succeeded');
  expect(await site.order(body.order_id)).toMatchObject({ state: 'completed', stop_reason: 'vehicle' });
  expect(await site.eventTypes()).toEqual(['charge.started', 'charge.ended']);
  expect(await site.stop(body.order_id, 's-3')).toMatchObject({ status: 409, body: { code: 'order.not_running' } });
});

test('OP-17 stopping an order that is still starting cancels the start', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  const stopped = await site.stop(body.order_id);
  expect(stopped.status).toBe(202);
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
  expect((await site.operation(stopped.body.operation_id)).status).toBe('accepted');
  await site.edge.record(reported(command.commandId, 'failed', { code: 'command.cancelled' }));
  expect((await site.operation(stopped.body.operation_id)).status).toBe('succeeded');
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'command.cancelled' },
  });
});

test('OP-17 a start that was confirmed before its cancel arrived ends void, and the stop succeeds', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  const stopped = await site.stop(body.order_id);
  const session = await site.begin(command);
  expect((await site.order(body.order_id)).state).toBe('charging');
  await site.edge.record(reported(command.commandId, 'done', { sessionId: session.sessionId }));
  clock.advance(5_000);
  await site.edge.take('cancel');
  const change = { voidReason: 'cancelled' as const };
  await site.edge.record(site.ended(session.sessionId, body.order_id, change));
  expect(await site.order(body.order_id)).toMatchObject({ state: 'void', amount_due: null });
  expect((await site.operation(stopped.body.operation_id)).status).toBe('succeeded');
  expect((await site.operation(body.operation_id)).status).toBe('succeeded');
  expect(await site.eventTypes()).toEqual(['charge.started', 'charge.ended']);
});

test('OP-17 a stop that the site cannot do fails with its reason', async () => {
  const { body } = await site.start();
  await site.begin(await site.takeStart());
  const stopped = await site.stop(body.order_id);
  const command = await site.edge.take('command', (message) => message.kind === 'stop');
  await site.edge.record(reported(command.commandId, 'failed', { code: 'session.unknown', detail: 'not here' }));
  expect(await site.operation(stopped.body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'session.unknown' },
  });
  expect((await site.order(body.order_id)).state).toBe('charging');
});

test('OP-19 a bill that differs by a cent makes an exception with both figures, and completes nothing', async () => {
  const { body } = await site.start();
  const session = await site.begin(await site.takeStart());
  const record = site.ended(session.sessionId, body.order_id);
  if (record.cdr.rating === null) throw new Error('rated');
  const rating = { ...record.cdr.rating, totalMinor: record.cdr.rating.totalMinor - 1 };
  await site.edge.record({ ...record, cdr: { ...record.cdr, rating } });
  expect(await site.order(body.order_id)).toMatchObject({ state: 'abnormal', amount_due: null });
  const answer = await cloud.app.inject({
    url: '/staff/v1/exceptions?limit=1',
    headers: { authorization: `Bearer ${cloud.staffToken}` },
  });
  const billedMinor = rating.totalMinor;
  expect(answer.json().exceptions).toMatchObject([
    {
      order_id: body.order_id,
      code: 'cdr.rating_differs',
      billed_by_site_minor: billedMinor,
      billed_by_platform_minor: billedMinor + 1,
    },
  ]);
});

test('OP-19 a record is stored once; another content for the same session is kept aside', async () => {
  const { body } = await site.start();
  const session = await site.begin(await site.takeStart());
  const record = site.ended(session.sessionId, body.order_id);
  await site.edge.record(record);
  const before = await site.order(body.order_id);
  expect((await site.edge.record(record)).refused).toEqual([]);
  const other = { ...record, cdr: { ...record.cdr, energyWh: 1 } };
  expect((await site.edge.record(other)).refused).toMatchObject([{ code: 'wire.conflict' }]);
  expect(await site.order(body.order_id)).toEqual(before);
});

test('OP-19 a charge begun on site becomes an order of nobody', async () => {
  const sessionId = systemRandom.uuid();
  await site.edge.record(site.ended(sessionId, null));
  const rows = await cloud.context.db.selectFrom('orders').selectAll().where('session_id', '=', sessionId).execute();
  expect(rows).toMatchObject([{ origin: 'local', partner_id: null, state: 'completed', energy_wh: 7_000 }]);
  expect((await site.stage.partner.call('GET', `/v1/orders/${rows[0]?.order_id}`)).status).toBe(404);
});

test('OP-18 progress is priced with the tariff of the order', async () => {
  const { body } = await site.start();
  const session = await site.begin(await site.takeStart());
  clock.advance(2_000);
  await site.edge.state(site.connectorId(), {
    status: 'charging',
    sessionId: session.sessionId,
    energyWh: 2_500,
    powerW: 7_000,
  });
  await expect.poll(async () => (await site.order(body.order_id)).progress?.energy_wh).toBe(2_500);
  clock.advance(3_000);
  expect((await site.order(body.order_id)).progress).toEqual({
    energy_wh: 2_500,
    power_w: 7_000,
    cost_so_far: { minor: 400, decimal: '4.00', currency: 'CNY' },
    observed_at: new Date(clock.wallMs() - 3_000).toISOString(),
    freshness_s: 3,
  });
});
