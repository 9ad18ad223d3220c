import { describe, expect, test } from 'vitest';
import { sha256Hex } from '../canonical-json.ts';
import { failOverdueStarts } from '../operations/sweeper.ts';
import { sweepReservations } from '../reservations/sweep.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { staffPost } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { endChargesOfRevokedSites, GONE_AFTER_MS } from './gone-site.ts';

const DAY_MS = 86_400_000;
const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('gs', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const staff = (path: string, body: object) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/sites/${site.stage.siteId}${path}`, {
    requested_by: 'wang',
    ...body,
  });
const revoke = () => staff('/credentials/revoke', { reason: 'stolen' });
const endCharges = () => staff('/charges/end', { reason: 'burnt down' });
const sweep = () => endChargesOfRevokedSites(cloud.context);
const exceptionsOf = (orderId: string) =>
  cloud.context.db
    .selectFrom('exceptions')
    .selectAll()
    .where('order_id', '=', orderId)
    .orderBy('exception_id')
    .execute();

async function charge(terms: { readonly hold_minor?: number } = {}) {
  const start = { request_id: 'r', connector_id: site.connectorId(), ...terms };
  const { body } = await site.stage.partner.call('POST', '/v1/operations/start', start);
  const { sessionId } = await site.begin(await site.takeStart());
  const orderId: string = body.order_id;
  return { orderId, sessionId };
}

/** The same box, with the store that it had. */
async function comeBack(brokerPassword = site.stage.brokerPassword) {
  const { storeEpoch, running } = site.edge;
  const firstSeq = site.edge.nextSeq();
  await site.edge.close();
  const known = { storeEpoch, firstSeq, running };
  site.edge = await connectFakeEdge(cloud.brokerUrl, { ...site.stage, brokerPassword }, clock, known);
  await site.edge.hello();
}

async function chargeWithWishes() {
  const { orderId, sessionId } = await charge({ hold_minor: 1_000 });
  const raise = { request_id: 'h', order_id: orderId, hold_minor: 2_000 };
  const raised = await site.stage.partner.call('POST', '/v1/operations/raise-hold', raise);
  const stopped = await site.stop(orderId);
  return { orderId, sessionId, waiting: [raised.body.operation_id, stopped.body.operation_id] as string[] };
}

const lost = { state: 'abnormal', amount_due: null, failure: { code: 'session.lost', fault: 'site' } };

async function expectLost(orderId: string, waiting: readonly string[]) {
  expect(await site.order(orderId)).toMatchObject(lost);
  for (const id of waiting)
    expect(await site.operation(id)).toMatchObject({ status: 'failed', failure: { code: 'session.lost' } });
  const told = (await site.eventTypes()).toSorted();
  expect(told).toEqual(['charge.ended', 'charge.started', ...(waiting.length > 0 ? ['charge.stop_failed'] : [])]);
  expect((await exceptionsOf(orderId)).map(({ code }) => code)).toEqual(['session.lost']);
}

describe('OP-15 CH-03 a charge at a site whose credentials are revoked', () => {
  test('and that never speaks again does not stay open for ever, nor does what waits for it', async () => {
    const { orderId, waiting } = await chargeWithWishes();
    await revoke();
    await site.edge.close();
    for (let day = 0; day < 40; day += 1) {
      clock.advance(DAY_MS);
      await failOverdueStarts(cloud.context);
      await sweepReservations(cloud.context);
      await sweep();
    }
    await expectLost(orderId, waiting);
  });

  test('goes on until a box that was sent for could be there', async () => {
    const { orderId } = await charge();
    await revoke();
    clock.advance(GONE_AFTER_MS - 1);
    await sweep();
    expect((await site.order(orderId)).state).toBe('charging');
    clock.advance(1);
    await sweep();
    await expectLost(orderId, []);
  });

  test('goes on while a claim code is good, and is billed as always once that is redeemed', async () => {
    const { orderId, sessionId } = await charge();
    await revoke();
    clock.advance(GONE_AFTER_MS - 60_000);
    const { claim_code: claimCode } = await staff('/claims', {});
    clock.advance(DAY_MS);
    await sweep();
    const brokerPassword = 'another password than before';
    const wish = { kind: 'password', passwordSha256: sha256Hex(brokerPassword) };
    const claim = { siteId: site.stage.siteId, claimCode, wish };
    expect((await cloud.app.inject({ method: 'POST', url: '/site/v1/claims', payload: claim })).statusCode).toBe(200);
    clock.advance(GONE_AFTER_MS);
    await sweep();
    expect((await site.order(orderId)).state).toBe('charging');
    await comeBack(brokerPassword);
    await site.edge.record(site.ended(sessionId, orderId));
    expect((await site.order(orderId)).state).toBe('completed');
  });

  test('ends when the claim code was never redeemed', async () => {
    const { orderId } = await charge();
    await revoke();
    clock.advance(GONE_AFTER_MS - 60_000);
    await staff('/claims', { valid_for_h: 48 });
    clock.advance(2 * DAY_MS - 1);
    await sweep();
    expect((await site.order(orderId)).state).toBe('charging');
    clock.advance(1);
    await sweep();
    await expectLost(orderId, []);
  });

  test('XC-05 is left alone while its end stands among the refused records', async () => {
    const { orderId, sessionId } = await charge();
    const end = site.ended(sessionId, orderId);
    const elsewhere = { ...end, cdr: { ...end.cdr, siteId: 'elsewhere' } };
    expect((await site.edge.record(elsewhere)).refused).toHaveLength(1);
    await revoke();
    clock.advance(GONE_AFTER_MS);
    await sweep();
    expect((await site.order(orderId)).state).toBe('charging');
  });
});

describe('OP-15 CH-03 staff end the charges of a site that is known to be gone', () => {
  test('each once, with what was seen last; what waits for them has its outcome, and the connector is free', async () => {
    await site.plugIn(site.connectorId(1));
    const { orderId, waiting } = await chargeWithWishes();
    await site.edge.close();
    await expect
      .poll(() => endCharges().catch(String))
      .toEqual({
        site_id: site.stage.siteId,
        order_ids: [orderId],
        requested_by: 'wang',
      });
    await expectLost(orderId, waiting);
    const [exception] = await exceptionsOf(orderId);
    expect(exception?.detail).toContain('the site is gone');
    expect(await endCharges()).toMatchObject({ order_ids: [] });
    const open = cloud.context.db.selectFrom('orders').select('order_id').where('state', '=', 'charging');
    expect(await open.where('site_id', '=', site.stage.siteId).execute()).toEqual([]);
    const audited = cloud.context.db.selectFrom('audit_log').selectAll().where('action', '=', 'site.end_charges');
    const rows = await audited.where('subject_id', '=', site.stage.siteId).orderBy('position').execute();
    expect(rows[0]?.detail).toContain('burnt down');
  });

  test('a site that is on the line is refused: it tells by itself', async () => {
    const { orderId } = await charge();
    await expect(endCharges()).rejects.toThrow('site.online');
    expect((await site.order(orderId)).state).toBe('charging');
  });

  test('a record that comes all the same is kept, and a person decides', async () => {
    const { orderId, sessionId } = await charge();
    await site.edge.close();
    await expect.poll(() => endCharges().catch(String)).toMatchObject({ order_ids: [orderId] });
    await comeBack();
    clock.advance(60_000);
    const late = site.ended(sessionId, orderId);
    expect((await site.edge.record(late)).refused).toEqual([]);
    expect(await site.order(orderId)).toMatchObject({ state: 'abnormal', cdr: { cdr_id: late.cdr.cdrId } });
    expect((await exceptionsOf(orderId)).map(({ code }) => code)).toEqual(['session.lost', 'order.record_after_loss']);
    expect(await site.eventTypes()).toEqual(['charge.started', 'charge.ended']);
  });
});
