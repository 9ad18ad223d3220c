import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import { rateOccupancy } from '#shared/tariff/rate-fees.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { OccupancyRecord } from '#shared/wire/occupancy.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { findAccount } from '../partners/credit/accounts.ts';
import { setTerms } from '../partners/credit/set-terms.ts';
import { systemRandom } from '../random.ts';
import { putTariffInForce } from '../staff/create-tariff.ts';
import { type ChargingSite, openChargingSite } from '../testing/charging-site.ts';
import { exampleTariff } from '../testing/fixtures.ts';
import { askAsStaff } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const MINUTE_MS = 60_000;
const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let staying: Tariff;
let runs = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());
beforeEach(async () => {
  runs += 1;
  site = await openChargingSite(cloud, `oc${runs}`);
  const occupancy = { graceMinutes: 15, minutePriceE4: 5_000 };
  staying = { ...exampleTariff, tariffId: `staying-${runs}`, occupancy };
  await putTariffInForce(cloud.context, [site.stage.siteId], staying);
});
afterEach(() => site?.edge.close());

/** A charge whose vehicle stays, told to the cloud. */
async function stayed(change: Partial<Cdr> = {}, holdMinor?: number): Promise<{ orderId: string; cdr: Cdr }> {
  const request = { request_id: 'r-1', connector_id: site.connectorId() };
  const hold = holdMinor === undefined ? {} : { hold_minor: holdMinor };
  const { body } = await site.stage.partner.call('POST', '/v1/operations/start', { ...request, ...hold });
  const command = await site.takeStart();
  const { sessionId } = await site.begin(command);
  const plain = site.ended(sessionId, body.order_id).cdr;
  const terms = holdMinor === undefined ? {} : { holdMinor };
  const rating = rate(staying, plain.readings, terms);
  const cdr: Cdr = { ...plain, tariff: staying, ...terms, rating, occupancyId: systemRandom.uuid(), ...change };
  await site.edge.record({ kind: 'session.ended', cdr });
  return { orderId: body.order_id, cdr };
}

function left(cdr: Cdr, minutes: number, change: Partial<OccupancyRecord> = {}): RecordOf<'occupancy.ended'> {
  const { sessionId, cdrId, orderId, siteId, pileId, connectorId, endedAt: from } = cdr;
  const occupiedMs = minutes * MINUTE_MS;
  const rating = rateOccupancy(staying, occupiedMs);
  if (rating === null || cdr.occupancyId === undefined) throw new Error('nobody stays');
  return {
    kind: 'occupancy.ended',
    occupancy: {
      occupancyId: cdr.occupancyId,
      ...{ sessionId, cdrId, orderId, siteId, pileId, connectorId, from },
      to: { ...from, wallMs: from.wallMs + occupiedMs, monoMs: from.monoMs + occupiedMs },
      occupiedMs,
      endedBy: 'unplugged',
      tariff: staying,
      rating,
      ...change,
    },
  };
}

const exceptionsOf = (orderId: string) =>
  cloud.context.db.selectFrom('exceptions').select(['code', 'detail']).where('order_id', '=', orderId).execute();

describe('CH-09 a vehicle stays after its charge', () => {
  test('its tariff announces what that costs', async () => {
    const station = await site.stage.partner.call('GET', `/v1/stations/${site.stage.siteId}`);
    expect(station.body.tariff).toMatchObject({
      tariff_id: staying.tariffId,
      occupancy: { grace_minutes: 15, minute_price_e4: 5_000, most_minor: null },
    });
  });

  test('the order shows that it stays, and what it came to when it has left, with an event of its own', async () => {
    const { orderId, cdr } = await stayed();
    const before = await site.order(orderId);
    expect(before).toMatchObject({
      state: 'completed',
      amount_due: { minor: cdr.rating?.totalMinor },
      occupancy: { occupancy_id: cdr.occupancyId, state: 'open', to: null, bill: null },
    });
    await site.edge.record(left(cdr, 45));
    const after = await site.order(orderId);
    expect(after).toMatchObject({
      state: 'completed',
      amount_due: { minor: (cdr.rating?.totalMinor ?? 0) + 1_500 },
      occupancy: {
        state: 'ended',
        occupied_ms: 45 * MINUTE_MS,
        ended_by: 'unplugged',
        bill: { fees: [{ fee: 'occupancy', minutes: 30, amount_minor: 1_500 }], total: { minor: 1_500 } },
        bill_of_platform: { total: { minor: 1_500 } },
      },
    });
    expect(after.cdr).toEqual(before.cdr);
    expect(Date.parse(after.updated_at)).toBeGreaterThan(Date.parse(before.updated_at));
    expect(await site.eventTypes()).toEqual(['charge.started', 'charge.ended', 'occupancy.ended']);
    expect(await exceptionsOf(orderId)).toEqual([]);
  });

  test('OP-28 the stay is taken from the credit as well, once, and by its own record', async () => {
    const name = { partnerId: site.stage.partnerId, environment: 'sandbox', currency: 'CNY' } as const;
    const terms = { kind: 'limit', limitMinor: 10_000, holdPerStartMinor: 2_000, lowMarksMinor: [] } as const;
    await setTerms(cloud.context, { ...name, ...terms, reason: 'contract', agreedBy: 'Li Na' });
    const { cdr } = await stayed();
    const record = left(cdr, 45);
    await site.edge.record(record);
    await site.edge.record(record);
    const account = await findAccount(cloud.context.db, name);
    expect(account).toMatchObject({ posted_minor: (cdr.rating?.totalMinor ?? 0) + 1_500, pending_minor: 0 });
    const charges = await cloud.context.db
      .selectFrom('credit_transfers')
      .select(['transfer_id', 'amount_minor'])
      .where('account_id', '=', account?.account_id ?? '')
      .where('kind', '=', 'charge')
      .orderBy('amount_minor')
      .execute();
    expect(charges).toHaveLength(2);
    expect(charges).toContainEqual({ transfer_id: cdr.occupancyId, amount_minor: 1_500 });
  });

  test('ED-08 told again it changes nothing; told differently it is refused', async () => {
    const { orderId, cdr } = await stayed();
    const record = left(cdr, 45);
    await site.edge.record(record);
    const once = await site.order(orderId);
    expect(await site.edge.record(record)).toMatchObject({ refused: [] });
    expect(await site.order(orderId)).toEqual(once);
    expect(await site.eventTypes()).toHaveLength(3);
    const other = left(cdr, 46);
    expect(await site.edge.record(other)).toMatchObject({ refused: [{ code: 'wire.conflict' }] });
    expect(await site.order(orderId)).toEqual(once);
  });

  test('no more is charged than was held', async () => {
    const { orderId, cdr } = await stayed({}, 1_500);
    expect(await site.order(orderId)).toMatchObject({ state: 'completed', amount_due: { minor: 1_120 } });
    await site.edge.record(left(cdr, 45));
    expect(await site.order(orderId)).toMatchObject({ amount_due: { minor: 1_500 } });
  });

  test.each<[string, (cdr: Cdr) => Partial<OccupancyRecord>, string]>([
    [
      'the site has billed another amount',
      () => ({ rating: { tariffId: staying.tariffId, tariffVersion: 1, currency: 'CNY', lines: [], totalMinor: 0 } }),
      'occupancy.rating_differs',
    ],
    [
      'it was rated by another tariff',
      () => ({ tariff: { ...staying, occupancy: { graceMinutes: 0, minutePriceE4: 5_000 } } }),
      'occupancy.tariff_differs',
    ],
    [
      'it stayed longer than there was time',
      (cdr) => ({ to: { ...cdr.endedAt, monoMs: cdr.endedAt.monoMs + 40 * MINUTE_MS } }),
      'occupancy.implausible',
    ],
    [
      'it does not begin where the charge ended',
      (cdr) => ({ from: { ...cdr.endedAt, monoMs: cdr.endedAt.monoMs + MINUTE_MS } }),
      'occupancy.implausible',
    ],
    ['the charge tells of another stay', () => ({ occupancyId: systemRandom.uuid() }), 'occupancy.implausible'],
  ])('a person has to look when %s', async (_, change, code) => {
    const { orderId, cdr } = await stayed();
    await site.edge.record(left(cdr, 45, change(cdr)));
    expect(await exceptionsOf(orderId)).toEqual([expect.objectContaining({ code })]);
    expect(await site.order(orderId)).toMatchObject({ state: 'completed', amount_due: null });
  });

  test('OP-28 OP-19 until a person says what the order comes to, which is told and taken from the credit', async () => {
    const name = { partnerId: site.stage.partnerId, environment: 'sandbox', currency: 'CNY' } as const;
    const terms = { kind: 'limit', limitMinor: 10_000, holdPerStartMinor: 2_000, lowMarksMinor: [] } as const;
    await setTerms(cloud.context, { ...name, ...terms, reason: 'contract', agreedBy: 'Li Na' });
    const { orderId, cdr } = await stayed();
    const chargeMinor = cdr.rating?.totalMinor ?? 0;
    const settle = (amountMinor: number, transferId: string) =>
      askAsStaff(cloud, {
        method: 'POST',
        path: `/orders/${orderId}/settlement`,
        token: cloud.staffToken,
        body: { transfer_id: transferId, amount_minor: amountMinor, reason: 'half of the stay' },
      });
    const transferId = systemRandom.uuid();
    expect((await settle(chargeMinor + 750, transferId)).body.code).toBe('credit.settled');
    await site.edge.record(left(cdr, 45, { tariff: { ...staying, version: 2 } }));
    expect((await settle(chargeMinor - 1, transferId)).body.code).toBe('credit.settled');
    expect((await site.order(orderId)).amount_due).toBeNull();
    expect((await settle(chargeMinor + 750, transferId)).status).toBe(200);
    expect((await settle(chargeMinor + 750, transferId)).status).toBe(200);
    expect(await site.order(orderId)).toMatchObject({ state: 'completed', amount_due: { minor: chargeMinor + 750 } });
    expect((await settle(chargeMinor + 900, systemRandom.uuid())).body.code).toBe('credit.settled');
    expect(await findAccount(cloud.context.db, name)).toMatchObject({
      posted_minor: chargeMinor + 750,
      pending_minor: 0,
    });
    expect(await site.eventTypes()).toEqual(['charge.started', 'charge.ended', 'occupancy.ended', 'charge.settled']);
  });

  test('a stay without its charge is refused, and the stream goes on', async () => {
    const { orderId, cdr } = await stayed();
    const stray = left({ ...cdr, cdrId: systemRandom.uuid() }, 45);
    expect(await site.edge.record(stray)).toMatchObject({ refused: [{ code: 'record.refused' }] });
    expect(await site.edge.record(left(cdr, 45))).toMatchObject({ refused: [] });
    expect(await site.order(orderId)).toMatchObject({ occupancy: { state: 'ended' } });
  });

  test('an order whose charge tells of no stay is as it was', async () => {
    const { occupancyId: _, ...plain } = (await stayed()).cdr;
    const orderId = plain.orderId ?? '';
    expect(plain).not.toHaveProperty('occupancyId');
    await site.plugIn(site.connectorId(1));
    const { body } = await site.start('r-2', site.connectorId(1));
    const command = await site.takeStart();
    const session = await site.begin(command);
    const rating = rate(staying, plain.readings);
    const other = { connectorId: site.connectorId(1), pileId: `${site.connectorId(1)}-pile` };
    await site.edge.record(site.ended(session.sessionId, body.order_id, { ...other, tariff: staying, rating }));
    expect(await site.order(body.order_id)).toMatchObject({ state: 'completed', occupancy: null });
    expect(orderId).not.toBe(body.order_id);
  });
});
