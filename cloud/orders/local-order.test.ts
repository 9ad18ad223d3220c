import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LocalUser } from '#shared/wire/cdr.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { systemRandom } from '../random.ts';
import { type ChargingSite, openChargingSite } from '../testing/charging-site.ts';
import { exampleTariff } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
let sites = 0;
beforeEach(async () => {
  sites += 1;
  site = await openChargingSite(cloud, `local-${sites}`);
});
afterEach(() => site?.edge.close());
afterAll(() => cloud?.stop());

const cardholder: LocalUser = { kind: 'card', reference: '8d4f0c7be1a25d3390a1f6c2b7e4d811' };

const begun = (sessionId: string, change: object = {}): RecordOf<'session.started'> => ({
  kind: 'session.started',
  sessionId,
  pileId: `${site.connectorId()}-pile`,
  connectorId: site.connectorId(),
  orderId: null,
  commandId: null,
  startedBy: cardholder,
  tariff: { tariffId: exampleTariff.tariffId, version: exampleTariff.version },
  startedAt: site.edge.stamp(),
  meterStartWh: 1_000,
  limitMa: 16_000,
  ...change,
});
const over = (sessionId: string) => site.ended(sessionId, null, { startedBy: cardholder, stopReason: 'driver' });

const ordersOf = (sessionId: string) =>
  cloud.context.db.selectFrom('orders').selectAll().where('session_id', '=', sessionId).execute();

describe('ED-10 a charge begun on site is one order', () => {
  test('as soon as it begins, while it runs, and when it ends, with who began it', async () => {
    const sessionId = systemRandom.uuid();
    await site.edge.record(begun(sessionId));
    const whose = { started_by_kind: 'card', started_by_reference: cardholder.reference };
    expect(await ordersOf(sessionId)).toMatchObject([
      { origin: 'local', partner_id: null, state: 'charging', meter_start_wh: 1_000, energy_wh: null, ...whose },
    ]);
    await site.edge.record(over(sessionId));
    expect(await ordersOf(sessionId)).toMatchObject([
      { origin: 'local', state: 'completed', energy_wh: 7_000, stop_reason: 'driver', ...whose },
    ]);
  });

  test('when its end comes first, and its begin again afterwards', async () => {
    const sessionId = systemRandom.uuid();
    await site.edge.record(over(sessionId));
    const [before] = await ordersOf(sessionId);
    expect((await site.edge.record(begun(sessionId))).refused).toEqual([]);
    expect(await ordersOf(sessionId)).toEqual([before]);
    expect(before).toMatchObject({ state: 'completed', started_by_reference: cardholder.reference });
  });

  test('when each record comes twice', async () => {
    const sessionId = systemRandom.uuid();
    for (const record of [begun(sessionId), begun(sessionId), over(sessionId)])
      expect((await site.edge.record(record)).refused).toEqual([]);
    expect((await ordersOf(sessionId)).length).toBe(1);
  });

  test('when it never charged: its record is void, and nobody pays', async () => {
    const sessionId = systemRandom.uuid();
    const record = site.ended(sessionId, null, { startedBy: cardholder, voidReason: 'not-confirmed' });
    await site.edge.record(record);
    expect(await ordersOf(sessionId)).toMatchObject([{ state: 'void' }]);
  });

  test('without a tariff it is kept with its evidence, for a person to look at', async () => {
    const sessionId = systemRandom.uuid();
    const technician: LocalUser = { kind: 'technician', reference: 'local:wang' };
    const { tariff, ...untariffed } = begun(sessionId, { startedBy: technician });
    expect(tariff).toBeDefined();
    await site.edge.record(untariffed);
    await site.edge.record(site.ended(sessionId, null, { startedBy: technician, tariff: null, rating: null }));
    expect(await ordersOf(sessionId)).toMatchObject([{ state: 'abnormal', tariff_id: null, energy_wh: 7_000 }]);
  });
});

test('OP-14 ED-10 a partner whose start comes between is refused by the site, and both orders end as they should', async () => {
  const { body } = await site.start();
  const sessionId = systemRandom.uuid();
  expect((await site.edge.record(begun(sessionId))).refused).toEqual([]);
  expect((await site.order(body.order_id)).state).toBe('starting');
  expect(await ordersOf(sessionId)).toMatchObject([{ state: 'charging' }]);
  expect((await site.edge.record(over(sessionId))).refused).toEqual([]);
  expect(await ordersOf(sessionId)).toMatchObject([{ state: 'completed' }]);
});

test('OP-13 a connector where a card charges is occupied for everybody else', async () => {
  const sessionId = systemRandom.uuid();
  await site.edge.record(begun(sessionId));
  await site.plugIn(site.connectorId(), { status: 'charging', sessionId });
  expect(await site.start()).toMatchObject({ status: 409, body: { code: 'connector.occupied' } });
});

test('OP-20 no partner hears of it, or finds it', async () => {
  const sessionId = systemRandom.uuid();
  await site.edge.record(begun(sessionId));
  await site.edge.record(over(sessionId));
  expect(await site.eventTypes()).toEqual([]);
  const [order] = await ordersOf(sessionId);
  expect((await site.stage.partner.call('GET', `/v1/orders/${order?.order_id}`)).status).toBe(404);
});

test('ED-10 OP-18 staff sees it while it runs, with its cost so far, and who began it', async () => {
  const sessionId = systemRandom.uuid();
  await site.edge.record(begun(sessionId));
  clock.advance(2_000);
  await site.edge.state(site.connectorId(), { status: 'charging', sessionId, energyWh: 2_500, powerW: 7_000 });
  const seen = async () => {
    const answer = await cloud.app.inject({
      url: '/staff/v1/local-orders?limit=500',
      headers: { authorization: `Bearer ${cloud.staffToken}` },
    });
    return answer
      .json()
      .local_orders.find((one: { order: { session_id: string } }) => one.order.session_id === sessionId);
  };
  await expect.poll(async () => (await seen()).order.progress?.energy_wh).toBe(2_500);
  expect(await seen()).toMatchObject({
    started_by: cardholder,
    order: {
      origin: 'local',
      state: 'charging',
      session_id: sessionId,
      progress: { cost_so_far: { currency: 'CNY' } },
    },
  });
  expect((await cloud.app.inject({ url: '/staff/v1/local-orders' })).statusCode).toBe(401);
});

test('SY-01 one at a connector of another site is put aside', async () => {
  const sessionId = systemRandom.uuid();
  const answer = await site.edge.record(begun(sessionId, { connectorId: 'local-1-c1' }));
  expect(answer.refused).toMatchObject([{ code: 'record.refused' }]);
  expect(await ordersOf(sessionId)).toEqual([]);
});
