import { describe, expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { HALF_AN_HOUR_MS, putReservationPrices, reservationPrices, reservingSite } from '../testing/reserving-site.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { readTraces } from '../trace/rows.ts';
import { storyOf } from '../trace/story.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let runs = 0;

onChargingSites('rs', clock, (onCloud, onSite, run) => {
  cloud = onCloud;
  site = onSite;
  runs = run;
});
const at = reservingSite(() => site, clock);

const putPrices = () => putReservationPrices(cloud, site);

describe('OP-24 to reserve', () => {
  test('OP-15 is answered at once, and holds when the site says so: told once, and seen by everybody', async () => {
    await at.free();
    const { status, body } = await at.reserve({ request_id: 'mine' });
    expect({ status, body }).toMatchObject({
      status: 202,
      body: { kind: 'reserve', status: 'accepted', request_id: 'mine', order_id: null },
    });
    const command = await at.takeReserve();
    expect(command).toMatchObject({
      requestId: 'mine',
      reservationId: body.reservation_id,
      untilMs: clock.wallMs() + HALF_AN_HOUR_MS,
      ttlMs: 60_000,
    });
    expect(await at.look(body.reservation_id)).toMatchObject({ state: 'requested', active_at: null });
    await site.edge.record(reported(command.commandId, 'received'));
    await at.hold(command);
    expect(await site.operation(body.operation_id)).toMatchObject({ status: 'succeeded', failure: null });
    expect(await at.look(body.reservation_id)).toMatchObject({ state: 'active', request_id: 'mine', fee: null });
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.active']);
    await site.edge.state(site.connectorId(), {
      status: 'available',
      plugged: false,
      reservationId: command.reservationId,
    });
    const shown = async () =>
      (await site.stage.partner.call('GET', `/v1/connectors/${site.connectorId()}`)).body.status;
    await expect.poll(shown).toBe('reserved');
    const [event] = await cloud.context.db
      .selectFrom('webhook_events')
      .select(['lane', 'order_id'])
      .where('type', '=', 'reservation.active')
      .where('partner_id', '=', site.stage.partnerId)
      .execute();
    expect(event).toEqual({ lane: body.reservation_id, order_id: null });
  });

  test('OP-12 the same request is answered again, and reserves nothing more', async () => {
    await at.free();
    const wish = { request_id: 'once', until: new Date(clock.wallMs() + HALF_AN_HOUR_MS).toISOString() };
    const first = await at.reserve(wish);
    const again = await at.reserve(wish);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotency-hit']).toBe('true');
    expect((await at.reserve({ ...wish, connector_id: site.connectorId(1) })).body.code).toBe('request_id.reused');
    expect(await site.countRows()).toMatchObject({ operations: 1, commands: 1, orders: 0 });
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['with a vehicle in it', () => site.plugIn(), 'connector.occupied'],
    ['that charges', () => site.plugIn(undefined, { status: 'charging' }), 'connector.occupied'],
    ['in fault', () => site.plugIn(undefined, { status: 'faulted', plugged: false }), 'connector.faulted'],
    ['out of service', () => site.plugIn(undefined, { status: 'unavailable', plugged: false }), 'connector.disabled'],
    ['that its site does not reach', () => site.plugIn(undefined, { status: 'offline' }), 'connector.offline'],
    ['where a start is under way', () => site.start(), 'connector.occupied'],
    [
      'that is withdrawn',
      () =>
        cloud.context.db
          .updateTable('connectors')
          .set({ withdrawn_at_ms: clock.wallMs() })
          .where('connector_id', '=', site.connectorId())
          .execute(),
      'connector.disabled',
    ],
    ['of a site that is away', () => Promise.resolve(clock.advance(16_000)), 'site.offline'],
    ['of a site that knows no reservations', () => site.edge.hello({ reservations: undefined }), 'site.outdated'],
  ])('a connector %s is refused at once, and nothing is left behind', async (_, prepare, code) => {
    if (code === 'site.outdated') await at.free();
    await prepare();
    const before = await site.countRows();
    expect(await at.reserve()).toMatchObject({ status: 409, body: { code } });
    expect(await site.countRows()).toEqual(before);
  });

  test('what only the site can see fails the operation with the same code, and is told', async () => {
    await at.free();
    const { body } = await at.reserve();
    const { commandId } = await at.takeReserve();
    await site.edge.record(reported(commandId, 'failed', { code: 'connector.reserved', detail: 'held' }));
    expect(await site.operation(body.operation_id)).toMatchObject({
      status: 'failed',
      failure: { code: 'connector.reserved' },
    });
    expect(await at.look(body.reservation_id)).toMatchObject({
      state: 'rejected',
      held_s: null,
      fee: null,
      failure: { code: 'connector.reserved' },
    });
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.ended']);
    expect((await at.reserve()).status).toBe(202);
  });

  test('its time and its number have limits', async () => {
    await at.free();
    await at.free(site.connectorId(1));
    const until = (ms: number) => new Date(clock.wallMs() + ms).toISOString();
    for (const ms of [-1000, 59_999, 7_200_001])
      expect(await at.reserve({ until: until(ms) })).toMatchObject({
        status: 422,
        body: { code: 'reservation.too_long' },
      });
    const { reservations } = cloud.context.settings;
    Object.assign(reservations, { mostPerPartner: 1 });
    try {
      expect((await at.reserve({ until: until(7_200_000) })).status).toBe(202);
      expect(await at.reserve({ connector_id: site.connectorId(1) })).toMatchObject({
        status: 409,
        body: { code: 'reservation.too_many' },
      });
    } finally {
      Object.assign(reservations, { mostPerPartner: 50 });
    }
  });

  test('OP-14 of twenty that come together, reserves and starts, one wins', async () => {
    await site.plugIn(undefined, { status: 'available', plugged: null });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? at.reserve() : at.start())));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    const codes = new Set(answers.filter(({ status }) => status !== 202).map(({ body }) => body.code));
    expect(['connector.occupied', 'connector.reserved']).toEqual(expect.arrayContaining([...codes]));
    expect(await site.countRows()).toMatchObject({ operations: 1, commands: 1 });
  });
});

describe('OP-24 only the holder starts', () => {
  test('anybody else is refused at once: another partner, and the same one without the reservation', async () => {
    const { reservationId } = await at.held();
    const other = await setTheStage(cloud, { name: `other-${runs}`, tariff: null });
    const stranger = (change: object) =>
      other.partner.call('POST', '/v1/operations/start', {
        request_id: 'x',
        connector_id: site.connectorId(),
        ...change,
      });
    await site.plugIn();
    const refused = { status: 409, body: { code: 'connector.reserved', fault: 'caller' } };
    expect(await stranger({})).toMatchObject(refused);
    expect(await at.start()).toMatchObject(refused);
    expect(await at.reserve()).toMatchObject(refused);
    expect(await stranger({ reservation_id: reservationId })).toMatchObject({
      status: 404,
      body: { code: 'reservation.unknown' },
    });
    expect((await other.partner.call('GET', `/v1/reservations/${reservationId}`)).status).toBe(404);
    expect((await at.start({ connector_id: site.connectorId(1), reservation_id: reservationId })).body.code).toBe(
      'reservation.wrong_connector',
    );
    expect((await site.countRows()).orders).toBe(0);
  });

  test('a connector that the site holds for nobody we know is refused as well', async () => {
    await site.edge.state(site.connectorId(), { reservationId: '7b6a1c1e-2f77-4d2a-9a55-0f6c8c2f3a10' });
    const shown = async () =>
      (await site.stage.partner.call('GET', `/v1/connectors/${site.connectorId()}`)).body.status;
    await expect.poll(shown).toBe('reserved');
    expect((await at.start()).body.code).toBe('connector.reserved');
  });

  test('OP-19 he does, the reservation is used once, and its lines are in the bill of the charge', async () => {
    await putPrices();
    const { reservationId } = await at.held();
    await site.plugIn();
    const { status, body } = await at.start({ reservation_id: reservationId });
    expect(status).toBe(202);
    const start = await site.takeStart();
    expect(start).toMatchObject({ reservationId, tariff: { reservation: reservationPrices } });
    const { sessionId } = await site.begin(start);
    const used = at.ended({ reservationId, connectorId: site.connectorId() }, 'used', { sessionId });
    await site.edge.record(used);
    expect(await at.look(reservationId)).toMatchObject({
      state: 'used',
      order_id: body.order_id,
      held_s: 600,
      fee: null,
      failure: null,
    });
    await site.plugIn(undefined, { status: 'charging', sessionId, energyWh: 0 });
    // 2.00 and ten minutes at 0.10.
    expect((await site.order(body.order_id)).progress.cost_so_far).toMatchObject({ minor: 300 });
    const plain = site.ended(sessionId, body.order_id, { tariff: start.tariff });
    const reservation = { heldMs: 600_000 };
    const cdr = { ...plain.cdr, reservation, rating: rate(start.tariff, plain.cdr.readings, { reservation }) };
    await site.edge.record({ ...plain, cdr });
    expect(await site.order(body.order_id)).toMatchObject({
      state: 'completed',
      cdr: { reserved_ms: 600_000, bill: { fees: [{ fee: 'reservation' }, { fee: 'reservation', minutes: 10 }] } },
    });
    expect((await site.eventTypes()).toSorted()).toEqual([
      'charge.ended',
      'charge.started',
      'reservation.active',
      'reservation.ended',
    ]);
    expect((await at.start({ reservation_id: reservationId })).body.code).toBe('reservation.not_active');
  });
});

test('OP-25 the story of a reservation is told by its request, from the call to the end', async () => {
  const { reservationId } = await at.held({ request_id: `story-${runs}` });
  await site.edge.record(at.ended({ reservationId, connectorId: site.connectorId() }, 'technician'));
  const [trace] = await readTraces(cloud.context.db, `story-${runs}`);
  if (trace === undefined) throw new Error('no trace');
  expect(trace.partnerId).toBe(site.stage.partnerId);
  const told = storyOf(trace).steps.map(({ what }) => what);
  expect(told).toEqual(
    expect.arrayContaining(['call reserve', 'operation reserve succeeded', 'event reservation.active']),
  );
  expect(told.at(-1)).not.toBe('call reserve');
});

test('OP-28 a fee is taken from the account of its partner, once; without terms a live connector is not reserved', async () => {
  await putPrices();
  const { db } = cloud.context;
  const { partnerId } = site.stage;
  const account = { partner_id: partnerId, environment: 'sandbox' as const, currency: 'CNY', account_id: `a-${runs}` };
  const terms = { kind: 'deposit' as const, limit_minor: 0, hold_per_start_minor: 500, low_marks: '[]' };
  const sums = { funded_minor: 5000, posted_minor: 0, pending_minor: 0 };
  const agreed = { agreed_by: 'li', reason: 'test', opened_at_ms: clock.wallMs(), changed_at_ms: clock.wallMs() };
  await db
    .insertInto('credit_accounts')
    .values({ ...account, ...terms, ...sums, ...agreed })
    .execute();
  const command = await at.held();
  clock.advance(HALF_AN_HOUR_MS);
  await site.edge.record(at.ended(command, 'expired', { heldMs: HALF_AN_HOUR_MS }));
  await site.edge.record(at.ended(command, 'expired', { heldMs: HALF_AN_HOUR_MS }));
  const { posted_minor: posted } = await db
    .selectFrom('credit_accounts')
    .select('posted_minor')
    .where('account_id', '=', account.account_id)
    .executeTakeFirstOrThrow();
  expect(posted).toBe(1500);
  await at.free();
  const lively = await setTheStage(cloud, { name: `live-${runs}`, environment: 'live' });
  await db.deleteFrom('credit_accounts').where('partner_id', '=', lively.partnerId).execute();
  await db.updateTable('sites').set({ environment: 'live' }).where('site_id', '=', site.stage.siteId).execute();
  const refused = await lively.partner.call('POST', '/v1/operations/reserve', {
    request_id: 'no-terms',
    connector_id: site.connectorId(),
    until: new Date(clock.wallMs() + HALF_AN_HOUR_MS).toISOString(),
  });
  expect(refused.body.code).toBe('credit.none');
});

describe('OP-24 a reservation ends once', () => {
  test('that has run out costs the fee for not coming, and is told; told again it changes nothing', async () => {
    await putPrices();
    const command = await at.held();
    clock.advance(HALF_AN_HOUR_MS);
    await site.edge.record(at.ended(command, 'expired', { heldMs: HALF_AN_HOUR_MS }));
    const over = await at.look(command.reservationId);
    expect(over).toMatchObject({
      state: 'expired',
      end_reason: 'expired',
      held_s: 1800,
      fee: { total: { minor: 200 + 300 + 1000 } },
    });
    await site.edge.record(at.ended(command, 'cancelled'));
    await site.edge.record(at.ended(command, 'used', { sessionId: command.reservationId }));
    expect(await at.look(command.reservationId)).toEqual(over);
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.active', 'reservation.ended']);
  });

  test('given back by its partner it costs what it was held for, and the cancel succeeds', async () => {
    await putPrices();
    const held = await at.held();
    clock.advance(600_000);
    const { status, body } = await at.cancel(held.reservationId, 'give-back');
    expect({ status, body }).toMatchObject({
      status: 202,
      body: { kind: 'cancel-reservation', reservation_id: held.reservationId },
    });
    const command = await at.takeCancelReservation();
    expect(command).toMatchObject({ reservationId: held.reservationId, requestId: 'give-back' });
    await site.edge.record(at.ended(held, 'cancelled'));
    await site.edge.record(reported(command.commandId, 'done'));
    expect((await site.operation(body.operation_id)).status).toBe('succeeded');
    expect(await at.look(held.reservationId)).toMatchObject({
      state: 'cancelled',
      fee: { total: { minor: 200 + 100 } },
    });
    expect((await at.cancel(held.reservationId, 'give-back')).body).toEqual(body);
    expect((await at.cancel(held.reservationId)).body.code).toBe('reservation.not_active');
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.active', 'reservation.ended']);
  });

  test('taken back before the site has said anything, it has never held', async () => {
    await at.free();
    const { body } = await at.reserve();
    const { commandId } = await at.takeReserve();
    const cancel = (await at.cancel(body.reservation_id)).body;
    expect(await site.edge.take('cancel')).toMatchObject({ commandId });
    await site.edge.record(reported(commandId, 'failed', { code: 'command.cancelled' }));
    expect(await site.operation(body.operation_id)).toMatchObject({ failure: { code: 'command.cancelled' } });
    expect((await site.operation(cancel.operation_id)).status).toBe('succeeded');
    expect(await at.look(body.reservation_id)).toMatchObject({ state: 'cancelled', held_s: null, fee: null });
  });

  test('a cancel that crosses the confirmation ends what the site holds', async () => {
    await at.free();
    const { body } = await at.reserve();
    const command = await at.takeReserve();
    const cancel = (await at.cancel(body.reservation_id)).body;
    await at.hold(command);
    expect(await at.look(body.reservation_id)).toMatchObject({ state: 'requested' });
    await site.edge.take('cancel', ({ commandId }) => commandId === command.commandId);
    await site.edge.record(at.ended(command, 'cancelled', { heldMs: 100 }));
    expect(await at.look(body.reservation_id)).toMatchObject({ state: 'cancelled', fee: null });
    expect((await site.operation(cancel.operation_id)).status).toBe('succeeded');
    expect((await site.eventTypes()).toSorted()).toEqual(['reservation.ended']);
  });

  test('a cancel that comes when a charge has used it fails', async () => {
    const held = await at.held();
    const { body } = await at.cancel(held.reservationId);
    await at.takeCancelReservation();
    await site.edge.record(at.ended(held, 'used'));
    expect(await site.operation(body.operation_id)).toMatchObject({ failure: { code: 'reservation.not_active' } });
    expect(await at.look(held.reservationId)).toMatchObject({ state: 'used' });
  });

  test.each(['technician', 'out-of-service', 'not-confirmed'] as const)(
    'ended on site (%s) it is released, and costs nothing',
    async (reason) => {
      await putPrices();
      const held = await at.held();
      await site.edge.record(at.ended(held, reason, { detail: 'local:li: burst pipe' }));
      expect(await at.look(held.reservationId)).toMatchObject({ state: 'released', end_reason: reason, fee: null });
    },
  );

  test('of another site nobody ends it', async () => {
    const held = await at.held();
    await site.edge.record(at.ended({ ...held, connectorId: site.connectorId(1) }, 'cancelled'));
    expect(await at.look(held.reservationId)).toMatchObject({ state: 'active' });
  });
});

test('OP-21 reservations are listed by change, each as it is, and only to their partner', async () => {
  const first = await at.held();
  await at.free(site.connectorId(1));
  const second = (await at.reserve({ connector_id: site.connectorId(1) })).body.reservation_id;
  clock.advance(5000);
  await site.edge.record(at.ended(first, 'cancelled'));
  clock.advance(5000);
  const get = async (query: string) => (await site.stage.partner.call('GET', `/v1/reservations?${query}`)).body;
  const page = await get('limit=1');
  expect(page).toMatchObject({ reservations: [{ reservation_id: second, state: 'requested' }], has_more: true });
  expect(await get(`limit=1&cursor=${page.next_cursor}`)).toMatchObject({
    reservations: [{ reservation_id: first.reservationId, state: 'cancelled' }],
    has_more: false,
  });
  expect((await get('state=requested')).reservations).toHaveLength(1);
});

test('OP-24 XC-01 staff see what is reserved, and end it at no cost; the partner is told', async () => {
  await putPrices();
  const held = await at.held();
  const staff = (method: 'GET' | 'POST', url: string, body?: object) =>
    cloud.app.inject({
      method,
      url: `/staff/v1/reservations${url}`,
      headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
  const path = `?state=active&connector_id=${site.connectorId()}`;
  expect((await staff('GET', path)).json().reservations).toMatchObject([
    { reservation_id: held.reservationId, partner_id: site.stage.partnerId, cancelled_by: null },
  ]);
  const wish = { reason: 'works at the bay', requested_by: 'Li Na' };
  const answer = await staff('POST', `/${held.reservationId}/cancel`, wish);
  expect([answer.statusCode, answer.json().cancelled_by]).toEqual([202, 'staff Li Na']);
  await staff('POST', `/${held.reservationId}/cancel`, wish);
  const command = await at.takeCancelReservation();
  await site.edge.record(at.ended(held, 'cancelled'));
  await site.edge.record(reported(command.commandId, 'done'));
  expect(await at.look(held.reservationId)).toMatchObject({ state: 'cancelled', fee: null });
  expect((await staff('POST', `/${held.reservationId}/cancel`, wish)).json().code).toBe('reservation.not_active');
  expect((await site.eventTypes()).toSorted()).toEqual(['reservation.active', 'reservation.ended']);
});
