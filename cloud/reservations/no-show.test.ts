import { describe, expect, test } from 'vitest';
import type { ReserveCommand } from '#shared/wire/messages.ts';
import { putTariffInForce } from '../staff/create-tariff.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { exampleTariff, setTheStage, staffPost } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import type { Answer } from '../testing/partner-client.ts';
import { reported } from '../testing/records.ts';
import { HALF_AN_HOUR_MS, putReservationPrices, reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { sweepReservations } from './sweep.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('ns', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});
const at = reservingSite(() => site, clock);

/** 2.00, and half an hour at 0.10: as if it were given back at its end. */
const HALF_AN_HOUR = { total: { minor: 500 } };
const NO_SHOW = { total: { minor: 1500 } };
const keptOut = (code: string, fault: string) => ({
  state: 'released',
  end_reason: 'kept-out',
  held_s: 1800,
  fee: null,
  failure: { code, fault },
});

/** Held at a price, and its holder plugged in. */
async function arrived(): Promise<ReserveCommand> {
  await putReservationPrices(cloud, site);
  const held = await at.held();
  await site.plugIn();
  return held;
}

/** Its time is over, and the site says so. */
async function ranOut(held: ReserveCommand): Promise<Answer['body']> {
  clock.advance(held.untilMs - clock.wallMs());
  await site.edge.record(at.ended(held, 'expired', { heldMs: HALF_AN_HOUR_MS }));
  return await at.look(held.reservationId);
}

const withdraw = (connectorId = site.connectorId()) =>
  cloud.context.db
    .updateTable('connectors')
    .set({ withdrawn_at_ms: clock.wallMs() })
    .where('connector_id', '=', connectorId)
    .execute();
const offline = () => site.plugIn(undefined, { status: 'offline' });

test('OP-24 a driver whose start was accepted in time pays nothing for not having come', async () => {
  await putReservationPrices(cloud, site);
  const held = await at.held();
  clock.advance(HALF_AN_HOUR_MS - 2_000);
  await site.plugIn();
  const { status, body } = await at.start({ reservation_id: held.reservationId });
  expect(status).toBe(202);
  const start = await site.takeStart();
  // It is two seconds on its way: on site the hold is over by then, and nobody else has the connector.
  clock.advance(2_500);
  await site.edge.record(at.ended(held, 'expired', { heldMs: HALF_AN_HOUR_MS }));
  await site.begin(start);
  expect((await site.order(body.order_id)).state).toBe('charging');
  expect(await at.look(held.reservationId)).toMatchObject({ state: 'expired', failure: null, fee: HALF_AN_HOUR });
});

test('OP-24 whose start was accepted in time, and lost on the way until the site let the hold run out, pays nothing', async () => {
  const held = await arrived();
  clock.advance(HALF_AN_HOUR_MS - 20_000);
  await site.plugIn();
  const { body } = await at.start({ reservation_id: held.reservationId });
  const { commandId } = await site.takeStart();
  expect(await ranOut(held)).toMatchObject(keptOut('site.offline', 'site'));
  await site.edge.record(reported(commandId, 'failed', { code: 'command.expired', detail: 'x' }));
  expect((await site.order(body.order_id)).state).toBe('start_failed');
  expect(await at.look(held.reservationId)).toMatchObject({ state: 'released', fee: null });
});

test('OP-24 who starts, and gives the reservation back before the site has the start, pays for what was held', async () => {
  const held = await arrived();
  clock.advance(HALF_AN_HOUR_MS - 20_000);
  await site.plugIn();
  await at.start({ reservation_id: held.reservationId });
  expect((await at.cancel(held.reservationId)).status).toBe(202);
  await site.edge.record(at.ended(held, 'cancelled', { heldMs: HALF_AN_HOUR_MS - 20_000 }));
  expect(await at.look(held.reservationId)).toMatchObject({ state: 'cancelled', fee: HALF_AN_HOUR });
});

test('OP-24 XC-08 nobody pays for more than was asked for, however long a site says that it held', async () => {
  await putReservationPrices(cloud, site);
  const held = await at.held();
  clock.advance(held.untilMs - clock.wallMs());
  await site.edge.record(at.ended(held, 'expired', { heldMs: 400 * HALF_AN_HOUR_MS }));
  expect(await at.look(held.reservationId)).toMatchObject({ state: 'expired', held_s: 1800, fee: NO_SHOW });
});

test('OP-24 who was kept from starting by us pays nothing for not having come', async () => {
  await putReservationPrices(cloud, site);
  const held = await at.held();
  await site.plugIn();
  await withdraw();
  expect(await at.start({ reservation_id: held.reservationId })).toMatchObject({
    body: { code: 'connector.disabled' },
  });
  expect(await ranOut(held)).toMatchObject(keptOut('connector.disabled', 'site'));
});

test('OP-24 who came while the site was cut off, and was refused for that, pays nothing for not having come', async () => {
  await putReservationPrices(cloud, site);
  const held = await at.held();
  await site.plugIn();
  await site.edge.close();
  clock.advance(60_000);
  expect(await at.start({ reservation_id: held.reservationId })).toMatchObject({ body: { code: 'site.offline' } });
  clock.advance(HALF_AN_HOUR_MS + 120_000);
  await sweepReservations(cloud.context);
  expect(await at.look(held.reservationId)).toMatchObject(keptOut('site.offline', 'site'));
});

test('OP-24 XC-08 whose reservation a site with a clock ahead has let run out early pays nothing for not having come', async () => {
  await putReservationPrices(cloud, site);
  const held = await at.held();
  clock.advance(600_000);
  await site.edge.record(at.ended(held, 'expired', { heldMs: 600_000 }));
  await site.plugIn();
  expect((await at.start({ reservation_id: held.reservationId })).body.code).toBe('reservation.not_active');
  expect(await at.look(held.reservationId)).toMatchObject({
    state: 'released',
    end_reason: 'early',
    fee: null,
    failure: { code: 'reservation.lost', fault: 'site' },
  });
});

test('OP-24 OP-27 who may use the station no longer cannot come, and pays nothing for that', async () => {
  await putReservationPrices(cloud, site);
  const held = await at.held();
  await site.plugIn();
  await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${site.stage.partnerId}/access`, {
    environment: 'sandbox',
    stations: 'listed',
    site_ids: [],
    reason: 'contract',
  });
  expect((await at.start({ reservation_id: held.reservationId })).body.code).toBe('connector.unknown');
  expect(await ranOut(held)).toMatchObject(keptOut('connector.unknown', 'caller'));
});

describe('OP-24 what a start comes to that was accepted in time', () => {
  test.each<[string, object, object]>([
    [
      'that its site cannot do: its holder was kept out',
      { code: 'connector.faulted' },
      keptOut('connector.faulted', 'pile'),
    ],
    [
      'without a vehicle: its holder has come',
      { code: 'connector.not_plugged' },
      { state: 'expired', fee: HALF_AN_HOUR },
    ],
  ])('%s', async (_, failure, expected) => {
    const held = await arrived();
    const { body } = await at.start({ reservation_id: held.reservationId });
    const { commandId } = await site.takeStart();
    await site.edge.record(reported(commandId, 'failed', { detail: 'x', ...failure }));
    expect((await site.order(body.order_id)).state).toBe('start_failed');
    expect(await ranOut(held)).toMatchObject(expected);
  });

  test('that its holder takes back himself: nobody has kept him out', async () => {
    const held = await arrived();
    const { body } = await at.start({ reservation_id: held.reservationId });
    const { commandId } = await site.takeStart();
    await site.stop(body.order_id);
    await site.edge.record(reported(commandId, 'failed', { code: 'command.cancelled', detail: 'x' }));
    expect(await ranOut(held)).toMatchObject({ state: 'expired', fee: HALF_AN_HOUR });
  });
});

describe('OP-24 who was kept out', () => {
  test('and is told so with the end, once', async () => {
    const held = await arrived();
    await offline();
    await at.start({ reservation_id: held.reservationId });
    expect(await at.look(held.reservationId)).toMatchObject({ state: 'active', failure: null });
    await ranOut(held);
    await ranOut(held);
    const events = await cloud.context.db
      .selectFrom('webhook_events')
      .select('payload')
      .where('partner_id', '=', site.stage.partnerId)
      .where('type', '=', 'reservation.ended')
      .execute();
    expect(events.map(({ payload }) => JSON.parse(payload).data)).toMatchObject([keptOut('connector.offline', 'site')]);
  });

  test('and gives it back for that pays nothing either', async () => {
    const held = await arrived();
    await offline();
    await at.start({ reservation_id: held.reservationId });
    expect((await at.cancel(held.reservationId)).status).toBe(202);
    await site.edge.record(at.ended(held, 'cancelled'));
    const asCancelled = { state: 'cancelled', fee: null, failure: { code: 'connector.offline' } };
    expect(await at.look(held.reservationId)).toMatchObject(asCancelled);
  });

  test('and charges later all the same has used it', async () => {
    const held = await arrived();
    await offline();
    await at.start({ reservation_id: held.reservationId });
    await site.plugIn();
    await at.start({ reservation_id: held.reservationId });
    const { sessionId } = await site.begin(await site.takeStart());
    await site.edge.record(at.ended(held, 'used', { sessionId }));
    expect(await at.look(held.reservationId)).toMatchObject({ state: 'used', failure: null });
  });
});

describe('OP-24 the fee for not coming is due all the same', () => {
  test.each<[string, (held: ReserveCommand) => Promise<Answer>, string]>([
    [
      'who is refused for what he asks',
      async ({ reservationId }) => {
        const { siteId } = site.stage;
        const tariff = { ...exampleTariff, tariffId: `least-${siteId}`, minimumMinor: 500 };
        await putTariffInForce(cloud.context, [siteId], tariff);
        return await at.start({ reservation_id: reservationId, hold_minor: 499 });
      },
      'amount.below_minimum',
    ],
    [
      'who has no vehicle there',
      async ({ reservationId }) => {
        await at.free();
        return await at.start({ reservation_id: reservationId });
      },
      'connector.not_plugged',
    ],
    [
      'who does not present it',
      async () => {
        await withdraw();
        return await at.start();
      },
      'connector.disabled',
    ],
    [
      'who presents it elsewhere',
      async ({ reservationId }) => {
        await withdraw(site.connectorId(1));
        return await at.start({ connector_id: site.connectorId(1), reservation_id: reservationId });
      },
      'connector.disabled',
    ],
    [
      'when somebody else presents it',
      async ({ reservationId }) => {
        await withdraw();
        const { partner } = await setTheStage(cloud, { name: `${site.stage.partnerId}-other`, tariff: null });
        const wish = { request_id: 'x', connector_id: site.connectorId(), reservation_id: reservationId };
        return await partner.call('POST', '/v1/operations/start', wish);
      },
      'connector.disabled',
    ],
    [
      'who comes when its time is over',
      async ({ reservationId }) => {
        await withdraw();
        clock.advance(HALF_AN_HOUR_MS);
        return await at.start({ reservation_id: reservationId });
      },
      'connector.disabled',
    ],
  ])('%s', async (_, start, code) => {
    const held = await arrived();
    expect((await start(held)).body.code).toBe(code);
    expect(await ranOut(held)).toMatchObject({ state: 'expired', failure: null, fee: NO_SHOW });
  });
});
