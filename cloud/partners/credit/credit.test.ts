import { expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import { failOverdueStarts } from '../../operations/sweeper.ts';
import { systemRandom } from '../../random.ts';
import type { ChargingSite } from '../../testing/charging-site.ts';
import { connectFakeEdge } from '../../testing/fake-edge.ts';
import { exampleTariff, setTheStage, staffPost } from '../../testing/fixtures.ts';
import { onChargingSites } from '../../testing/on-charging-sites.ts';
import { createPartnerClient, type PartnerClient } from '../../testing/partner-client.ts';
import { ended, reported } from '../../testing/records.ts';
import { askAsStaff } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import type { TestCloud } from '../../testing/test-cloud.ts';
import { releaseForgotten, sumComplaints } from './check-books.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let finance: PartnerClient;

onChargingSites('cr', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const staff = (path: string, body: object) =>
  askAsStaff(cloud, {
    method: 'POST',
    path: `/partners/${site.stage.partnerId}/credit/${path}`,
    token: cloud.staffToken,
    body,
  });
const terms = (change: object = {}) =>
  staff('terms', {
    environment: 'sandbox',
    currency: 'CNY',
    kind: 'deposit',
    limit_minor: 0,
    hold_per_start_minor: 2_000,
    low_marks_minor: [],
    reason: 'contract 7',
    ...change,
  });
const move = (kind: string, amountMinor: number, change: object = {}) =>
  staff('transfers', {
    transfer_id: systemRandom.uuid(),
    environment: 'sandbox',
    currency: 'CNY',
    kind,
    amount_minor: amountMinor,
    reference: 'bank 4711',
    reason: 'paid in',
    ...change,
  });
/** A deposit of 50.00, of which a start holds 20.00, and a key that may see it. */
async function withDeposit(change: object = {}): Promise<void> {
  expect((await terms(change)).status).toBe(200);
  expect((await move('top_up', 5_000)).status).toBe(200);
  const path = `/staff/v1/partners/${site.stage.partnerId}/keys`;
  const key = await staffPost(cloud.app, cloud.staffToken, path, { environment: 'sandbox', scopes: ['settlement'] });
  finance = createPartnerClient(cloud.app, clock, key);
}
const account = async () => (await finance.call('GET', '/v1/credit')).body.accounts[0];
const sums = async () => {
  const { funded_minor: funded, charged_minor: charged, held_minor: held, available_minor: left } = await account();
  return { funded, charged, held, left };
};
const start = (requestId: string, more: object = {}, connectorId = site.connectorId()) =>
  site.stage.partner.call('POST', '/v1/operations/start', {
    request_id: requestId,
    connector_id: connectorId,
    ...more,
  });
const movements = async () => {
  clock.advance(2_000);
  return (await finance.call('GET', '/v1/credit/CNY/transfers')).body.transfers.map(
    (one: { kind: string; amount_minor: number }) => `${one.kind} ${one.amount_minor}`,
  );
};
const booksAreRight = async () => {
  expect(await sumComplaints(cloud.context.db)).toEqual([]);
  expect(await releaseForgotten(cloud.context)).toBe(0);
};

test('OP-28 a start holds what the terms say, and its end takes what the charge came to', async () => {
  await withDeposit();
  const { body } = await start('r-1');
  expect(await sums()).toEqual({ funded: 5_000, charged: 0, held: 2_000, left: 3_000 });
  const { sessionId } = await site.begin(await site.takeStart());
  clock.advance(2_000);
  expect((await finance.call('GET', '/v1/credit/CNY/holds')).body.holds).toMatchObject([
    { order_id: body.order_id, amount_minor: 2_000 },
  ]);
  await site.edge.record(site.ended(sessionId, body.order_id));
  const { amount_due: due } = await site.order(body.order_id);
  expect(await sums()).toEqual({ funded: 5_000, charged: due.minor, held: 0, left: 5_000 - due.minor });
  expect(await movements()).toEqual(['top_up 5000', `charge -${due.minor}`]);
  expect((await finance.call('GET', '/v1/credit/CNY/holds')).body.holds).toEqual([]);
  await booksAreRight();
});

test('OP-28 used up, the next start is refused with what is left, and leaves nothing behind', async () => {
  await withDeposit();
  const before = await site.countRows();
  const refused = await start('r-1', { hold_minor: 5_001 });
  expect(refused).toMatchObject({
    status: 402,
    body: { code: 'credit.exhausted', fault: 'caller', request_id: 'r-1' },
  });
  expect(refused.body.detail).toContain('50.00');
  expect(await site.countRows()).toEqual(before);
  expect(await sums()).toMatchObject({ held: 0, left: 5_000 });
  expect((await start('r-1', { hold_minor: 5_000 })).status).toBe(202);
  await site.plugIn(site.connectorId(1));
  expect((await start('r-2', {}, site.connectorId(1))).body.code).toBe('credit.exhausted');
  expect((await move('top_up', 2_000)).status).toBe(200);
  expect((await start('r-2', {}, site.connectorId(1))).status).toBe(202);
  expect(await sums()).toEqual({ funded: 7_000, charged: 0, held: 7_000, left: 0 });
  await booksAreRight();
});

test('OP-28 OP-16 a start that comes to nothing gives back what it held: refused on site, too late, or void', async () => {
  await withDeposit();
  await start('r-1');
  const { commandId } = await site.takeStart();
  await site.edge.record(reported(commandId, 'failed', { code: 'connector.faulted' }));
  expect(await sums()).toMatchObject({ held: 0, left: 5_000 });
  await site.plugIn();
  await start('r-2');
  expect(await sums()).toMatchObject({ held: 2_000 });
  const overdue = await site.takeStart();
  clock.advance(65_000);
  await failOverdueStarts(cloud.context);
  await site.edge.take('cancel');
  await site.edge.record(reported(overdue.commandId, 'failed', { code: 'command.cancelled' }));
  expect(await sums()).toMatchObject({ held: 0, left: 5_000 });
  await site.plugIn();
  const third = await start('r-3');
  const { sessionId } = await site.begin(await site.takeStart());
  await site.edge.record(site.ended(sessionId, third.body.order_id, { voidReason: 'cancelled' }));
  expect(await site.order(third.body.order_id)).toMatchObject({ state: 'void' });
  expect(await sums()).toEqual({ funded: 5_000, charged: 0, held: 0, left: 5_000 });
  const holds = await cloud.context.db
    .selectFrom('credit_transfers')
    .select('state')
    .where('kind', '=', 'hold')
    .where('order_id', 'is not', null)
    .orderBy('created_at_ms')
    .execute();
  expect(holds.slice(-3).map((one) => one.state)).toEqual(['voided', 'expired', 'voided']);
  await booksAreRight();
});

test('OP-28 a charge may come to more than was held, and then less than nothing is left until money comes', async () => {
  await withDeposit({ hold_per_start_minor: 5_000 });
  const { body } = await start('r-1');
  const { sessionId } = await site.begin(await site.takeStart());
  const record = ended(site.edge, site.stage, {
    sessionId,
    orderId: body.order_id,
    connectorId: site.connectorId(),
    startMs: clock.wallMs(),
    energyWh: 60_000,
  });
  await site.edge.record(record);
  const { amount_due: due } = await site.order(body.order_id);
  expect(due.minor).toBeGreaterThan(5_000);
  expect(await sums()).toEqual({ funded: 5_000, charged: due.minor, held: 0, left: 5_000 - due.minor });
  await site.plugIn();
  expect((await start('r-2', { hold_minor: 1 })).body.code).toBe('credit.exhausted');
});

test('OP-28 OP-19 what nobody can bill stays held until a person says what is paid, and that is told by push and by pull', async () => {
  await withDeposit();
  const { body } = await start('r-1');
  const { sessionId } = await site.begin(await site.takeStart());
  const other = { ...exampleTariff, version: 9 };
  const { readings } = site.ended(sessionId, body.order_id).cdr;
  await site.edge.record(site.ended(sessionId, body.order_id, { tariff: other, rating: rate(other, readings) }));
  expect(await site.order(body.order_id)).toMatchObject({ state: 'abnormal' });
  expect(await sums()).toMatchObject({ charged: 0, held: 2_000 });
  const settle = (amountMinor: number, transferId: string) =>
    askAsStaff(cloud, {
      method: 'POST',
      path: `/orders/${body.order_id}/settlement`,
      token: cloud.staffToken,
      body: { transfer_id: transferId, amount_minor: amountMinor, reason: 'agreed by mail' },
    });
  const transferId = systemRandom.uuid();
  const ofAnother = await cloud.context.db
    .selectFrom('credit_transfers')
    .select('transfer_id')
    .executeTakeFirstOrThrow();
  const taken = await settle(700, ofAnother.transfer_id);
  expect([taken.status, taken.body.code]).toEqual([409, 'resource.exists']);
  const listed = async (from: string) => {
    clock.advance(2_000);
    const { body: page } = await site.stage.partner.call('GET', `/v1/orders?updated_from=${from}`);
    return page.orders;
  };
  const before = await site.order(body.order_id);
  expect(before.amount_due).toBeNull();
  clock.advance(3_600_000);
  const from = new Date(clock.wallMs()).toISOString();
  expect(await listed(from)).toEqual([]);
  expect((await settle(700, transferId)).status).toBe(200);
  expect((await settle(700, transferId)).status).toBe(200);
  const due = { minor: 700, decimal: '7.00', currency: 'CNY' };
  expect(await listed(from)).toMatchObject([{ order_id: body.order_id, state: 'abnormal', amount_due: due }]);
  expect(await site.eventTypes()).toEqual(['charge.started', 'charge.ended', 'charge.settled']);
  const { payload } = await cloud.context.db
    .selectFrom('webhook_events')
    .select('payload')
    .where('order_id', '=', body.order_id)
    .where('type', '=', 'charge.settled')
    .executeTakeFirstOrThrow();
  expect(JSON.parse(payload).data).toMatchObject({ state: 'abnormal', amount_due: due });
  expect((await settle(700, systemRandom.uuid())).body.code).toBe('credit.settled');
  expect(await sums()).toEqual({ funded: 5_000, charged: 700, held: 0, left: 4_300 });
  await booksAreRight();
});

test('OP-28 a movement and a settlement are the same again in whatever case their ids are written', async () => {
  await withDeposit();
  const { body } = await start('r-1');
  await site.begin(await site.takeStart());
  const orderId: string = body.order_id;
  const credit = { transfer_id: systemRandom.uuid(), order_id: orderId };
  const shout = { transfer_id: credit.transfer_id.toUpperCase(), order_id: orderId.toUpperCase() };
  expect((await move('credit', 100, shout)).status).toBe(200);
  expect((await move('credit', 100, credit)).status).toBe(200);
  expect((await move('credit', 100, shout)).status).toBe(200);
  await site.edge.close();
  const goneSite = `/staff/v1/sites/${site.stage.siteId}/charges/end`;
  const gone = { requested_by: 'wang', reason: 'burnt down' };
  await expect
    .poll(() => staffPost(cloud.app, cloud.staffToken, goneSite, gone).catch(String))
    .toMatchObject({ order_ids: [orderId] });
  expect(await sums()).toMatchObject({ charged: 0, held: 2_000 });
  const settlement = { transfer_id: systemRandom.uuid(), amount_minor: 300, reason: 'agreed by mail' };
  const settle = (id: string, transferId: string) =>
    askAsStaff(cloud, {
      method: 'POST',
      path: `/orders/${id}/settlement`,
      token: cloud.staffToken,
      body: { ...settlement, transfer_id: transferId },
    });
  expect((await settle(orderId.toUpperCase(), settlement.transfer_id.toUpperCase())).status).toBe(200);
  expect((await settle(orderId, settlement.transfer_id)).status).toBe(200);
  expect((await settle(orderId.toUpperCase(), settlement.transfer_id.toUpperCase())).status).toBe(200);
  expect(await sums()).toEqual({ funded: 5_100, charged: 300, held: 0, left: 4_800 });
  await booksAreRight();
});

test('OP-23 OP-28 what is put right about an order makes no other account pay for it: none of live, and none of another currency', async () => {
  const { order_id: orderId } = (await start('r-1')).body;
  await site.begin(await site.takeStart());
  expect((await terms({ environment: 'live' })).status).toBe(200);
  expect((await terms({ currency: 'HKD' })).status).toBe(200);
  const right = (change: object) => move('credit', 100, { order_id: orderId, ...change });
  const live = await right({ environment: 'live' });
  expect([live.status, live.body.code]).toEqual([404, 'order.unknown']);
  expect((await right({ currency: 'HKD' })).status).toBe(200);
  await site.edge.close();
  const goneSite = `/staff/v1/sites/${site.stage.siteId}/charges/end`;
  const gone = { requested_by: 'wang', reason: 'burnt down' };
  await expect
    .poll(() => staffPost(cloud.app, cloud.staffToken, goneSite, gone).catch(String))
    .toMatchObject({ order_ids: [orderId] });
  const settled = await askAsStaff(cloud, {
    method: 'POST',
    path: `/orders/${orderId}/settlement`,
    token: cloud.staffToken,
    body: { transfer_id: systemRandom.uuid(), amount_minor: 300, reason: 'agreed by mail' },
  });
  expect([settled.status, settled.body.code]).toEqual([404, 'credit.unknown']);
  await booksAreRight();
});

/** A charge that runs with 10.00 held. */
async function heldCharge() {
  await withDeposit();
  const { order_id: orderId } = (await start('r-1', { hold_minor: 1_000 })).body;
  const { sessionId } = await site.begin(await site.takeStart());
  const raise = (to: number) =>
    site.stage.partner.call('POST', '/v1/operations/raise-hold', {
      request_id: `to-${to}`,
      order_id: orderId,
      hold_minor: to,
    });
  /** The site is asked for that much, and says at some time later that it has not taken it, or has. */
  const ask = async (to: number) => {
    expect((await raise(to)).status).toBe(202);
    const told = await site.edge.take('command', (one) => one.kind === 'raise-hold' && one.holdMinor === to);
    return {
      fails: () => site.edge.record(reported(told.commandId, 'failed', { code: 'session.unknown' })),
      isTaken: () => site.edge.record(reported(told.commandId, 'done', { sessionId })),
    };
  };
  return { orderId, sessionId, raise, ask };
}
const held = async () => (await sums()).held;

test('OP-28 CH-04 a raise holds the difference, gives it back when the site does not take it, and is refused beyond the credit', async () => {
  const { raise, ask } = await heldCharge();
  expect((await raise(6_000)).body.code).toBe('credit.exhausted');
  const first = await ask(3_000);
  expect(await sums()).toMatchObject({ held: 3_000, left: 2_000 });
  const second = await ask(4_000);
  await first.fails();
  expect(await sums()).toMatchObject({ held: 4_000 });
  await second.fails();
  expect(await sums()).toMatchObject({ held: 1_000, left: 4_000 });
  await booksAreRight();
});

test('OP-28 CH-02 of raises that failed nothing stays held but what the site may charge, whichever fails first', async () => {
  const { orderId, sessionId, ask } = await heldCharge();
  const raises = [await ask(2_000), await ask(3_000), await ask(4_500)] as const;
  await raises[1].fails();
  expect(await held()).toBe(4_500);
  await raises[0].isTaken();
  expect(await held()).toBe(4_500);
  await raises[2].fails();
  expect(await held()).toBe(2_000);
  await booksAreRight();
  const { readings } = site.ended(sessionId, orderId).cdr;
  const rating = rate(exampleTariff, readings, { holdMinor: 2_000 });
  await site.edge.record(site.ended(sessionId, orderId, { holdMinor: 2_000, rating }));
  expect(await held()).toBe(0);
  await booksAreRight();
});

test('OP-28 CH-02 what a lower raise needs of a higher one that failed stays held, and no more than that', async () => {
  const { ask } = await heldCharge();
  const [higher, lower] = [await ask(3_000), await ask(1_800)];
  await higher.fails();
  expect(await sums()).toMatchObject({ held: 1_800, left: 3_200 });
  await booksAreRight();
  await lower.fails();
  expect(await held()).toBe(1_000);
  await booksAreRight();
});

test('OP-28 CH-02 the end of a charge that took no raise gives back what all of them held, also where a person has to look', async () => {
  const { orderId, sessionId, ask } = await heldCharge();
  for (const to of [3_000, 4_000]) await ask(to);
  const other = { ...exampleTariff, version: 9 };
  const { readings } = site.ended(sessionId, orderId).cdr;
  const rating = rate(other, readings, { holdMinor: 1_000 });
  await site.edge.record(site.ended(sessionId, orderId, { tariff: other, rating, holdMinor: 1_000 }));
  expect((await site.order(orderId)).state).toBe('abnormal');
  expect(await held()).toBe(1_000);
  await booksAreRight();
});

test('OP-28 live there is no credit by default, and unlimited is only what staff have said', async () => {
  const stage = await setTheStage(cloud, { name: `${site.stage.siteId}-live`, environment: 'live' });
  const edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  await edge.hello();
  const [connectorId = ''] = stage.connectorIds;
  await edge.state(connectorId, {});
  const status = async () => (await stage.partner.call('GET', `/v1/connectors/${connectorId}`)).body.status;
  await expect.poll(status).toBe('plugged');
  const startLive = () =>
    stage.partner.call('POST', '/v1/operations/start', { request_id: 'live', connector_id: connectorId });
  expect(await startLive()).toMatchObject({ status: 409, body: { code: 'credit.none' } });
  const unlimited = {
    environment: 'live',
    currency: 'CNY',
    kind: 'unlimited',
    limit_minor: 0,
    hold_per_start_minor: null,
    low_marks_minor: [],
    reason: 'the operator itself',
  };
  const set = (body: object) =>
    staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/credit/terms`, body);
  expect(await set(unlimited)).toMatchObject({ kind: 'unlimited', available_minor: null });
  expect((await startLive()).status).toBe(202);
  await expect(set({ ...unlimited, kind: 'limit' })).rejects.toThrow('request.invalid');
  await expect(set({ ...unlimited, hold_per_start_minor: 5 })).rejects.toThrow('request.invalid');
  await edge.close();
});

test('OP-28 partner and staff are told once that less is left than a mark, and again after money has come', async () => {
  await withDeposit({ low_marks_minor: [1_000, 4_000] });
  const told = async () =>
    (
      await cloud.context.db
        .selectFrom('webhook_events')
        .select('payload')
        .where('partner_id', '=', site.stage.partnerId)
        .where('type', '=', 'credit.low')
        .orderBy('created_at_ms')
        .execute()
    ).map((row) => JSON.parse(row.payload).data);
  const { body } = await start('r-1');
  expect(await told()).toMatchObject([{ mark_minor: 4_000, available_minor: 3_000, currency: 'CNY' }]);
  const { sessionId } = await site.begin(await site.takeStart());
  await site.edge.record(site.ended(sessionId, body.order_id));
  expect(await told()).toHaveLength(1);
  clock.advance(1);
  await move('withdrawal', (await sums()).left - 999);
  expect(await told()).toMatchObject([{ mark_minor: 4_000 }, { mark_minor: 1_000, available_minor: 999 }]);
  await move('top_up', 4_000);
  clock.advance(1);
  await move('withdrawal', 4_000);
  expect(await told()).toHaveLength(3);
  const alarms = await cloud.context.db
    .selectFrom('alarms')
    .select('code')
    .where('partner_id', '=', site.stage.partnerId)
    .execute();
  expect(alarms.map((one) => one.code)).toEqual(['credit.low', 'credit.low', 'credit.low']);
});

test('OP-23 OP-28 play money that runs out is nothing to get up for', async () => {
  await withDeposit({ low_marks_minor: [1_000] });
  expect((await terms({ environment: 'live', low_marks_minor: [1_000] })).status).toBe(200);
  expect((await move('top_up', 5_000, { environment: 'live' })).status).toBe(200);
  await move('withdrawal', 5_000);
  await move('withdrawal', 5_000, { environment: 'live' });
  const alarms = cloud.context.db.selectFrom('alarms').select(['detail', 'severity']).where('code', '=', 'credit.low');
  const told = await alarms.where('partner_id', '=', site.stage.partnerId).execute();
  const severityOf = (environment: string) => told.find(({ detail }) => detail.includes(environment))?.severity;
  expect([severityOf('sandbox'), severityOf('live')]).toEqual(['warning', 'critical']);
});

test('OP-28 a movement is named by whoever makes it: the same again moves nothing, and the name is good for nothing else', async () => {
  await withDeposit();
  const transferId = systemRandom.uuid();
  const first = await move('top_up', 300, { transfer_id: transferId });
  expect(first.body).toMatchObject({ funded_minor: 5_300 });
  expect((await move('top_up', 300, { transfer_id: transferId })).body).toMatchObject({ funded_minor: 5_300 });
  expect((await move('top_up', 301, { transfer_id: transferId })).body.code).toBe('resource.exists');
  expect((await move('withdrawal', 5_301)).body.code).toBe('credit.exhausted');
  expect((await move('debit', 6_000)).body).toMatchObject({ available_minor: -700 });
  expect((await move('credit', 700, { order_id: systemRandom.uuid() })).body.code).toBe('order.unknown');
  expect((await move('credit', 700)).body).toMatchObject({ available_minor: 0 });
  expect((await move('top_up', 1, { currency: 'EUR' })).body.code).toBe('credit.unknown');
  expect((await movements()).sort()).toEqual(['correction -6000', 'correction 700', 'top_up 300', 'top_up 5000']);
  await booksAreRight();
});

test('OP-28 OP-22 nobody sees the account of another, and without the scope not the own one either', async () => {
  await withDeposit();
  const other = await setTheStage(cloud, { name: `${site.stage.siteId}-other` });
  expect((await other.partner.call('GET', '/v1/credit')).body.code).toBe('auth.forbidden');
  const key = await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${other.partnerId}/keys`, {
    environment: 'sandbox',
    scopes: ['settlement'],
  });
  const theirs = createPartnerClient(cloud.app, clock, key);
  expect((await theirs.call('GET', '/v1/credit')).body).toEqual({ accounts: [] });
  expect((await theirs.call('GET', '/v1/credit/CNY/transfers')).body.code).toBe('credit.unknown');
});
