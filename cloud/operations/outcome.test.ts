import { expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { eventDataSchemas } from '../webhooks/event-data.ts';
import { forceStop } from './force-stop.ts';
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

/** What was told of stops that failed, with where each stands among the events of its order. */
const toldStops = async () =>
  (
    await cloud.context.db
      .selectFrom('webhook_events')
      .select(['order_id', 'lane', 'payload'])
      .where('partner_id', '=', site.stage.partnerId)
      .where('type', '=', 'charge.stop_failed')
      .orderBy('position')
      .execute()
  ).map(({ order_id: orderId, lane, payload }) => ({ orderId, lane, data: JSON.parse(payload).data }));
const takeStop = () => site.edge.take('command', ({ kind }) => kind === 'stop');

test('OP-15 OP-17 a stop that the site cannot do fails with its reason, and its partner is told once, with the order', async () => {
  const { body } = await site.start();
  await site.begin(await site.takeStart());
  const { operation_id: id } = (await site.stop(body.order_id)).body;
  const { commandId } = await takeStop();
  clock.advance(1);
  const failed = reported(commandId, 'failed', { code: 'session.unknown', detail: 'not here' });
  for (let again = 0; again < 2; again += 1) await site.edge.record(failed);
  const operation = await site.operation(id);
  const failure = { code: 'session.unknown', detail: 'not here', fault: 'platform' };
  expect(operation).toMatchObject({ operation_id: id, request_id: 's-1', kind: 'stop', status: 'failed', failure });
  const order = await site.order(body.order_id);
  expect(order).toMatchObject({ state: 'charging', failure: null });
  // No lane of its own: it is in order with what else is told of its order.
  const data = { ...order, operation };
  expect(await toldStops()).toEqual([{ orderId: body.order_id, lane: null, data }]);
  expect(eventDataSchemas['charge.stop_failed'].parse(data)).toEqual(data);
  expect(await site.eventTypes()).toEqual(['charge.started', 'charge.stop_failed']);
});

test('OP-15 each stop has the outcome of its own command, and each that fails is told by itself', async () => {
  const { body } = await site.start();
  const { sessionId } = await site.begin(await site.takeStart());
  const ids: string[] = [];
  for (const requestId of ['s-1', 's-2', 's-3'])
    ids.push((await site.stop(body.order_id, requestId)).body.operation_id);
  const commands = new Map<string | null, string>();
  const rows = await cloud.context.db
    .selectFrom('commands')
    .select(['operation_id', 'command_id'])
    .where('order_id', '=', body.order_id)
    .where('kind', '=', 'stop')
    .execute();
  for (const row of rows) commands.set(row.operation_id, row.command_id);
  const [first = '', second = '', third = ''] = ids;
  for (const id of [first, second]) {
    clock.advance(1);
    await site.edge.record(reported(commands.get(id) ?? '', 'failed', { code: 'session.unknown' }));
  }
  expect((await site.operation(third)).status).toBe('accepted');
  clock.advance(1);
  await site.edge.record(site.ended(sessionId, body.order_id));
  await site.edge.record(reported(commands.get(third) ?? '', 'done', { sessionId }));
  expect((await site.operation(third)).status).toBe('succeeded');
  expect((await toldStops()).map(({ data }) => data.operation.operation_id)).toEqual([first, second]);
  const stops = ['charge.stop_failed', 'charge.stop_failed'];
  expect(await site.eventTypes()).toEqual(['charge.started', ...stops, 'charge.ended']);
});

test('OP-15 a stop of staff that fails is not told the partner, nor does it fail what the partner has asked for', async () => {
  const { body } = await site.start();
  await site.begin(await site.takeStart());
  const { operation_id: id } = (await site.stop(body.order_id)).body;
  await forceStop(cloud.context, body.order_id);
  const byStaff = await site.edge.take('command', (told) => told.kind === 'stop' && told.reason === 'staff');
  await site.edge.record(reported(byStaff.commandId, 'failed', { code: 'session.unknown' }));
  expect((await site.operation(id)).status).toBe('accepted');
  expect(await site.eventTypes()).toEqual(['charge.started']);
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

test('OP-18 progress has the state of charge as long as the site tells it, and null from a site that does not know it', async () => {
  const { body } = await site.start();
  const { sessionId } = await site.begin(await site.takeStart());
  const tell = async (energyWh: number, change: object) => {
    await site.edge.state(site.connectorId(), { status: 'charging', sessionId, energyWh, ...change });
    await expect.poll(async () => (await site.order(body.order_id)).progress?.energy_wh).toBe(energyWh);
    return (await site.order(body.order_id)).progress.soc_percent;
  };
  expect(await tell(1_000, { socPercent: 63 })).toBe(63);
  expect(await tell(1_500, { socPercent: 0 })).toBe(0);
  expect(await tell(2_000, { socPercent: null })).toBeNull();
  expect(await tell(2_500, { socPercent: 64.5 })).toBe(64.5);
  expect(await tell(3_000, {})).toBeNull();
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
    soc_percent: null,
    cost_so_far: { minor: 400, decimal: '4.00', currency: 'CNY' },
    observed_at: new Date(clock.wallMs() - 3_000).toISOString(),
    freshness_s: 3,
  });
});
