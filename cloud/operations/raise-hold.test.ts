import { expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import type { RaiseHoldCommand } from '#shared/wire/messages.ts';
import { putTariffInForce } from '../staff/create-tariff.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { exampleTariff } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let runs = 0;

onChargingSites('rh', clock, (onCloud, onSite, run) => {
  cloud = onCloud;
  site = onSite;
  runs = run;
});

const post = (kind: string, body: object) => site.stage.partner.call('POST', `/v1/operations/${kind}`, body);
const start = (more: object, requestId = 'r-1') =>
  post('start', { request_id: requestId, connector_id: site.connectorId(), ...more });
const raise = (orderId: string, holdMinor: number, requestId = 'h-1') =>
  post('raise-hold', { request_id: requestId, order_id: orderId, hold_minor: holdMinor });

async function takeRaise(): Promise<RaiseHoldCommand> {
  const command = await site.edge.take('command', (message) => message.kind === 'raise-hold');
  if (command.kind !== 'raise-hold') throw new Error('not a raise');
  return command;
}

/** A charge that runs, with 10.00 held for it. */
async function heldCharge(): Promise<{ orderId: string; sessionId: string }> {
  const { body } = await start({ hold_minor: 1000 });
  const { sessionId } = await site.begin(await site.takeStart());
  return { orderId: body.order_id, sessionId };
}

test('CH-02 CH-04 limits and hold of a start reach the site and stand in the order', async () => {
  const limits = { energy_wh: 20_000, duration_s: 3600, amount_minor: 3000, soc_percent: 80 };
  const { body } = await start({ limits, hold_minor: 5000 });
  expect(await site.takeStart()).toMatchObject({
    limits: { energyWh: 20_000, durationMs: 3_600_000, amountMinor: 3000, socPercent: 80 },
    holdMinor: 5000,
  });
  expect(await site.order(body.order_id)).toMatchObject({ limits, hold_minor: 5000 });
});

test('CH-02 without them the site hears of none', async () => {
  const { body } = await start({});
  const command = await site.takeStart();
  expect(command).not.toHaveProperty('limits');
  expect(command).not.toHaveProperty('holdMinor');
  expect(await site.order(body.order_id)).toMatchObject({ limits: null, hold_minor: null });
});

test.each([
  ['an empty list of limits', { limits: {} }],
  ['a limit of nothing', { limits: { energy_wh: 0 } }],
  ['a hold of nothing', { hold_minor: 0 }],
  ['a fraction', { hold_minor: 10.5 }],
  ['a limit that nobody knows', { limits: { distance_km: 100 } }],
])('XC-08 OP-22 %s is refused and leaves nothing behind', async (_, more) => {
  expect(await start(more)).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  expect(await site.countRows()).toEqual({ orders: 0, operations: 0, commands: 0 });
});

test('CH-02 a hold is raised when the site has taken it, and not before', async () => {
  const { orderId, sessionId } = await heldCharge();
  const { status, body } = await raise(orderId, 3000);
  expect(status).toBe(202);
  const command = await takeRaise();
  expect(command).toMatchObject({ orderId, sessionId, holdMinor: 3000 });
  expect(await site.order(orderId)).toMatchObject({ hold_minor: 1000 });
  await site.edge.record(reported(command.commandId, 'received'));
  await site.edge.record(reported(command.commandId, 'done', { sessionId }));
  expect((await site.operation(body.operation_id)).status).toBe('succeeded');
  expect(await site.order(orderId)).toMatchObject({ hold_minor: 3000, state: 'charging' });
});

test('OP-12 CH-02 the same raise twice is one', async () => {
  const { orderId } = await heldCharge();
  const [first, second] = await Promise.all([raise(orderId, 3000), raise(orderId, 3000)]);
  expect(first.body.operation_id).toBe(second.body.operation_id);
  expect(await raise(orderId, 4000)).toMatchObject({ status: 422, body: { code: 'request_id.reused' } });
});

test('OP-15 CH-02 a raise that the site refuses fails, and the charge goes on', async () => {
  const { orderId } = await heldCharge();
  const { body } = await raise(orderId, 3000);
  const command = await takeRaise();
  await site.edge.record(reported(command.commandId, 'failed', { code: 'session.unknown', detail: 'over' }));
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'session.unknown' },
  });
  expect(await site.order(orderId)).toMatchObject({ hold_minor: 1000, state: 'charging' });
});

test.each([
  ['has taken', 3000, 'succeeded', 3000],
  ['has not taken', 1000, 'failed', 1000],
])(
  'OP-15 CH-02 the record of a charge that %s it decides over a raise without an outcome',
  async (_, told, status, held) => {
    const { orderId, sessionId } = await heldCharge();
    const { body } = await raise(orderId, 3000);
    await takeRaise();
    await site.edge.record(site.ended(sessionId, orderId, { holdMinor: told }));
    expect((await site.operation(body.operation_id)).status).toBe(status);
    expect(await site.order(orderId)).toMatchObject({ hold_minor: held });
  },
);

test('CH-02 two raises of one charge each get their own outcome, and the higher one stays', async () => {
  const { orderId, sessionId } = await heldCharge();
  const lower = await raise(orderId, 2000, 'h-1');
  const higher = await raise(orderId, 3000, 'h-2');
  const commands = [await takeRaise(), await takeRaise()].sort((a, b) => b.holdMinor - a.holdMinor);
  for (const { commandId } of commands) await site.edge.record(reported(commandId, 'done', { sessionId }));
  for (const { body } of [lower, higher]) expect((await site.operation(body.operation_id)).status).toBe('succeeded');
  expect(await site.order(orderId)).toMatchObject({ hold_minor: 3000 });
});

test('CH-02 what a charge came to beyond the hold is on record and not charged', async () => {
  const { orderId, sessionId } = await heldCharge();
  const readings = site.ended(sessionId, orderId).cdr.readings;
  const rating = rate(exampleTariff, readings, { holdMinor: 1000 });
  expect(rating.totalMinor).toBeGreaterThan(1000);
  await site.edge.record(site.ended(sessionId, orderId, { holdMinor: 1000, stopReason: 'hold-used-up', rating }));
  expect(await site.order(orderId)).toMatchObject({
    state: 'completed',
    stop_reason: 'hold-used-up',
    amount_due: { minor: 1000 },
    cdr: { bill: { total: { minor: rating.totalMinor }, held: { minor: 1000 }, charged: { minor: 1000 } } },
  });
});

test('CH-02 OP-22 a charge whose least fee is more than what is held does not begin', async () => {
  const { siteId } = site.stage;
  const tariff = { ...exampleTariff, tariffId: `minimum-${runs}`, minimumMinor: 500 };
  await putTariffInForce(cloud.context, [siteId], tariff);
  for (const more of [{ hold_minor: 499 }, { limits: { amount_minor: 499 } }])
    expect(await start(more)).toMatchObject({ status: 409, body: { code: 'amount.below_minimum' } });
  expect(await site.countRows()).toEqual({ orders: 0, operations: 0, commands: 0 });
  expect((await start({ hold_minor: 500 })).status).toBe(202);
});

test('CH-02 what cannot be raised is refused at once', async () => {
  const { orderId, sessionId } = await heldCharge();
  expect(await raise(orderId, 1000)).toMatchObject({ status: 409, body: { code: 'hold.not_higher' } });
  await site.edge.record(site.ended(sessionId, orderId, { holdMinor: 1000 }));
  expect(await raise(orderId, 3000)).toMatchObject({ status: 409, body: { code: 'order.not_running' } });
  const { body } = await start({}, 'r-2');
  await site.begin(await site.takeStart());
  expect(await raise(body.order_id, 3000)).toMatchObject({ status: 409, body: { code: 'hold.none' } });
});
