import { describe, expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { HALF_AN_HOUR_MS, putReservationPrices, reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { cancelByStaff } from './cancel.ts';
import { sweepReservations } from './sweep.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('gb', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});
const at = reservingSite(() => site, clock);

const MINUTE_MS = 60_000;
const LONG_OVER_MS = HALF_AN_HOUR_MS + 120_000;
/** 2.00, and ten minutes at 0.10. */
const TEN_MINUTES_MINOR = 300;
const NO_SHOW_MINOR = 200 + 300 + 1000;

const nowIso = () => new Date(clock.wallMs()).toISOString();
const statusOf = async (operationId: string) => (await site.operation(operationId)).status;
const sweep = () => sweepReservations(cloud.context);

/** Held for half an hour, at a price. */
async function held() {
  await putReservationPrices(cloud, site);
  return await at.held();
}

/** Held, and given back after ten minutes, of which the site does not hear. */
async function givenBack() {
  const command = await held();
  clock.advance(10 * MINUTE_MS);
  const { status, body } = await at.cancel(command.reservationId);
  expect(status).toBe(202);
  const asGivenBack = {
    state: 'cancelled',
    end_reason: 'cancelled',
    ended_at: nowIso(),
    held_s: 600,
    fee: { total: { minor: TEN_MINUTES_MINOR } },
    failure: null,
  };
  return { command, operationId: body.operation_id, asGivenBack };
}

/** What its partner was told of the end, all in all. */
async function toldEnds() {
  const events = await cloud.context.db
    .selectFrom('webhook_events')
    .select('payload')
    .where('partner_id', '=', site.stage.partnerId)
    .where('type', '=', 'reservation.ended')
    .execute();
  return events.map(({ payload }) => JSON.parse(payload).data);
}

describe('OP-24 a reservation that its partner gives back in time is given back then, whenever the site hears of it', () => {
  test('OP-15 never: it costs what it was held for until then, the cancel succeeds, and it is told so', async () => {
    const { command, operationId, asGivenBack } = await givenBack();
    clock.advance(LONG_OVER_MS - 10 * MINUTE_MS - 1);
    await sweep();
    expect(await at.look(command.reservationId)).toMatchObject({ state: 'active' });
    expect(await statusOf(operationId)).toBe('accepted');
    clock.advance(1);
    await sweep();
    expect(await at.look(command.reservationId)).toMatchObject(asGivenBack);
    expect(await statusOf(operationId)).toBe('succeeded');
    await site.edge.record(at.ended(command, 'expired', { heldMs: HALF_AN_HOUR_MS }));
    expect(await at.look(command.reservationId)).toMatchObject(asGivenBack);
    expect(await toldEnds()).toMatchObject([asGivenBack]);
  });

  test('when somebody else wants its connector after its time', async () => {
    const { command, operationId, asGivenBack } = await givenBack();
    await at.free();
    expect((await at.reserve()).body.code).toBe('connector.reserved');
    clock.advance(HALF_AN_HOUR_MS - 10 * MINUTE_MS);
    await at.free();
    expect((await at.reserve()).status).toBe(202);
    expect(await at.look(command.reservationId)).toMatchObject(asGivenBack);
    expect(await statusOf(operationId)).toBe('succeeded');
  });

  test('after it has run out there, as the site tells', async () => {
    const { command, operationId, asGivenBack } = await givenBack();
    clock.advance(HALF_AN_HOUR_MS);
    await site.edge.record(at.ended(command, 'expired', { heldMs: HALF_AN_HOUR_MS }));
    expect(await at.look(command.reservationId)).toMatchObject(asGivenBack);
    expect(await statusOf(operationId)).toBe('succeeded');
    expect(await toldEnds()).toMatchObject([asGivenBack]);
  });

  test('late, but before its end', async () => {
    const { command, asGivenBack } = await givenBack();
    clock.advance(12 * MINUTE_MS);
    await site.edge.record(at.ended(command, 'cancelled', { heldMs: 22 * MINUTE_MS }));
    expect(await at.look(command.reservationId)).toMatchObject(asGivenBack);
  });

  test('a site whose clock is ahead has let it run out before: it is billed for what the site has held', async () => {
    const { command, asGivenBack } = await givenBack();
    await site.edge.record(at.ended(command, 'expired', { heldMs: 7 * MINUTE_MS }));
    const fee = { total: { minor: 270 } };
    expect(await at.look(command.reservationId)).toMatchObject({ ...asGivenBack, held_s: 420, fee });
  });

  test('a site whose clock is behind has not held it before it was asked to', async () => {
    await at.free();
    const madeAt = nowIso();
    const { body } = await at.reserve();
    const command = await at.takeReserve();
    const { reservationId, commandId, connectorId, untilMs } = command;
    const active = { kind: 'reservation.active', reservationId, commandId, pileId: `${connectorId}-pile` } as const;
    const stamp = { ...site.edge.stamp(), wallMs: clock.wallMs() - 86_400_000 };
    await site.edge.batch([{ seq: site.edge.nextSeq(), at: stamp, body: { ...active, connectorId, untilMs } }]);
    expect(await at.look(body.reservation_id)).toMatchObject({ state: 'active', active_at: madeAt });
    clock.advance(10 * MINUTE_MS);
    await at.cancel(reservationId);
    clock.advance(LONG_OVER_MS);
    await sweep();
    expect(await at.look(reservationId)).toMatchObject({ state: 'cancelled', held_s: 600 });
  });

  test('given back again and again, the first time counts, and each cancel succeeds', async () => {
    const { command, operationId, asGivenBack } = await givenBack();
    clock.advance(5 * MINUTE_MS);
    const second = (await at.cancel(command.reservationId)).body.operation_id;
    await cancelByStaff(cloud.context, command.reservationId, 'li');
    clock.advance(LONG_OVER_MS);
    await sweep();
    expect(await at.look(command.reservationId)).toMatchObject(asGivenBack);
    expect([await statusOf(operationId), await statusOf(second)]).toEqual(['succeeded', 'succeeded']);
  });

  test('a site that cannot end it changes nothing: the cancel has its outcome when the reservation has', async () => {
    const { command, operationId, asGivenBack } = await givenBack();
    const { commandId } = await at.takeCancelReservation();
    await site.edge.record(reported(commandId, 'failed', { code: 'connector.unknown', detail: 'no such connector' }));
    expect(await statusOf(operationId)).toBe('accepted');
    clock.advance(LONG_OVER_MS);
    await sweep();
    expect(await at.look(command.reservationId)).toMatchObject(asGivenBack);
    expect(await statusOf(operationId)).toBe('succeeded');
  });

  test('a charge that has begun with it before the site heard of it has used it, and the cancel fails', async () => {
    const { command, operationId } = await givenBack();
    clock.advance(5 * MINUTE_MS);
    await site.edge.record(at.ended(command, 'used', { heldMs: 15 * MINUTE_MS, sessionId: command.reservationId }));
    expect(await at.look(command.reservationId)).toMatchObject({ state: 'used', held_s: 900, fee: null });
    expect(await site.operation(operationId)).toMatchObject({ failure: { code: 'reservation.not_active' } });
  });

  test.each(['technician', 'out-of-service'] as const)('released on site (%s) meanwhile it is free', async (reason) => {
    const { command, operationId } = await givenBack();
    await site.edge.record(at.ended(command, reason));
    expect(await at.look(command.reservationId)).toMatchObject({ state: 'released', end_reason: reason, fee: null });
    expect(await statusOf(operationId)).toBe('succeeded');
  });
});

describe('OP-24 given back before it held', () => {
  test.each(['away', 'telling that it has run out'])('to a site that is %s it has never held', async (how) => {
    await at.free();
    const { body } = await at.reserve();
    const command = await at.takeReserve();
    const cancel = (await at.cancel(body.reservation_id)).body;
    clock.advance(LONG_OVER_MS);
    if (how === 'away') await sweep();
    else await site.edge.record(at.ended(command, 'expired', { heldMs: HALF_AN_HOUR_MS }));
    expect(await at.look(body.reservation_id)).toMatchObject({ state: 'cancelled', held_s: null, fee: null });
    expect(await site.operation(body.operation_id)).toMatchObject({ failure: { code: 'command.cancelled' } });
    expect(await statusOf(cancel.operation_id)).toBe('succeeded');
  });
});

describe('OP-24 what is not given back in time has run out', () => {
  test('OP-12 its partner gives nothing back when its time is over; what was accepted before is answered again', async () => {
    const command = await held();
    clock.advance(HALF_AN_HOUR_MS);
    expect(await at.cancel(command.reservationId)).toMatchObject({
      status: 409,
      body: { code: 'reservation.not_active' },
    });
    clock.advance(120_000);
    await sweep();
    const ranOut = { state: 'expired', held_s: 1800, fee: { total: { minor: NO_SHOW_MINOR } } };
    expect(await at.look(command.reservationId)).toMatchObject(ranOut);
  });

  test('OP-12 until its last millisecond it is, and that is answered again later', async () => {
    const command = await held();
    clock.advance(HALF_AN_HOUR_MS - 1);
    const { status, body } = await at.cancel(command.reservationId, 'at-last');
    clock.advance(1);
    expect({ status, body: (await at.cancel(command.reservationId, 'at-last')).body }).toEqual({ status: 202, body });
    await site.edge.record(at.ended(command, 'expired', { heldMs: HALF_AN_HOUR_MS }));
    const fee = { total: { minor: NO_SHOW_MINOR - 1000 } };
    expect(await at.look(command.reservationId)).toMatchObject({ state: 'cancelled', held_s: 1799, fee });
  });
});

describe('OP-24 XC-01 one that staff end costs nothing', () => {
  test.each([
    ['in time', 10 * MINUTE_MS, 600],
    ['when its time is over', HALF_AN_HOUR_MS + 1000, 1800],
  ])('%s, at a site that is away as well', async (_, afterMs, heldS) => {
    const { reservationId, untilMs } = await held();
    clock.advance(afterMs);
    const endedAt = new Date(Math.min(clock.wallMs(), untilMs)).toISOString();
    await cancelByStaff(cloud.context, reservationId, 'li');
    clock.advance(LONG_OVER_MS);
    await sweep();
    expect(await at.look(reservationId)).toMatchObject({
      state: 'cancelled',
      ended_at: endedAt,
      held_s: heldS,
      fee: null,
    });
  });
});
