import { expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { ended, reported, started } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('told', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const alarm = () => ({
  kind: 'alarm.raised',
  alarmId: systemRandom.uuid(),
  code: 'store-damaged',
  severity: 'critical',
  pileId: null,
  connectorId: null,
  sessionId: null,
  detail: 'x',
});

/** A charge that runs, seen with 1.5 kWh. */
async function charge(connectorId = site.connectorId()) {
  await site.plugIn(connectorId);
  const { order_id: orderId } = (await site.start(`r-${connectorId}`, connectorId)).body;
  const command = await site.takeStart();
  const { sessionId } = await site.begin(command);
  await site.edge.record(reported(command.commandId, 'done'));
  await site.plugIn(connectorId, { status: 'charging', sessionId, energyWh: 1_500 });
  return { orderId, sessionId };
}

/** The site goes on with a store that knows nothing of before. */
async function newStore(): Promise<FakeEdge> {
  // Events are looked at in the order of their times.
  clock.advance(1);
  await site.edge.close();
  site.edge = await connectFakeEdge(cloud.brokerUrl, site.stage, clock);
  return site.edge;
}

const streams = (headSeq: number) => ({ streams: [{ stream: 'events', headSeq, ackedSeq: 0 }] });
const stateOf = async (orderId: string) => (await site.order(orderId)).state;
const exceptionsOf = (orderId: string) =>
  cloud.context.db
    .selectFrom('exceptions')
    .select(['code', 'detail', 'cdr_id'])
    .where('order_id', '=', orderId)
    .orderBy('exception_id')
    .execute();

test('SY-03.a CH-03 a charge that a new store knows nothing of ends before a person, with what was last seen of it', async () => {
  const { orderId, sessionId } = await charge();
  const stop = (await site.stop(orderId)).body;
  await (await newStore()).hello();
  const order = await site.order(orderId);
  expect(order).toMatchObject({ state: 'abnormal', failure: { code: 'session.lost', fault: 'site' } });
  expect([order.amount_due, order.energy_wh, order.meter_end_wh, order.cdr]).toEqual([null, null, null, null]);
  const [exception, ...more] = await exceptionsOf(orderId);
  expect([exception?.code, exception?.cdr_id, more]).toEqual(['session.lost', null, []]);
  expect(exception?.detail).toMatch(new RegExp(`${sessionId}.*last seen at 20.*: 1500 Wh$`));
  const failure = { code: 'session.lost', fault: 'site' };
  expect(await site.operation(stop.operation_id)).toMatchObject({ status: 'failed', failure });
  expect(await site.eventTypes()).toEqual(['charge.started', 'charge.stop_failed', 'charge.ended']);
});

test('SY-03.a CH-03 the connector of a lost charge takes the next start; a stop of it is told until the site answers', async () => {
  const { orderId } = await charge();
  await site.stop(orderId);
  const edge = await newStore();
  await edge.hello();
  const stop = await edge.take('command', ({ kind }) => kind === 'stop');
  await edge.record(reported(stop.commandId, 'failed', { code: 'session.unknown', detail: 'not here' }));
  await site.plugIn();
  clock.advance(1);
  expect((await site.start('r-next')).status).toBe(202);
  await site.begin(await site.takeStart());
  expect(await site.eventTypes()).toEqual(['charge.started', 'charge.stop_failed', 'charge.ended', 'charge.started']);
});

test('SY-05 nothing is judged before the cloud has every event that the site had', async () => {
  const lost = await charge();
  const kept = await charge(site.connectorId(1));
  const edge = await newStore();
  const running = { runningSessions: [{ sessionId: kept.sessionId, connectorId: site.connectorId(1) }] };
  await edge.hello({ ...streams(2), ...running });
  // The next live view knows no such session: what was seen before is remembered.
  await site.plugIn();
  await edge.hello({ ...streams(2), ...running });
  await edge.record(alarm());
  expect(await stateOf(lost.orderId)).toBe('charging');
  await edge.record(alarm());
  expect([await stateOf(lost.orderId), await stateOf(kept.orderId)]).toEqual(['abnormal', 'charging']);
  expect((await exceptionsOf(lost.orderId))[0]?.detail).toContain('1500 Wh');
});

test('SY-05 a record of its end that was still to come ends a charge as always', async () => {
  const { orderId, sessionId } = await charge();
  const edge = await newStore();
  await edge.hello(streams(2));
  await edge.batch(
    [alarm(), site.ended(sessionId, orderId)].map((body) => ({ seq: edge.nextSeq(), at: edge.stamp(), body })),
  );
  expect(await stateOf(orderId)).toBe('completed');
  expect(await exceptionsOf(orderId)).toEqual([]);
});

test('SY-05 a charge that began after the hello was written is left alone, though it comes with what was awaited', async () => {
  const edge = await newStore();
  await edge.hello(streams(1));
  await site.plugIn();
  const { order_id: orderId } = (await site.start()).body;
  const begin = started(edge, await site.takeStart());
  await edge.batch([alarm(), begin].map((body) => ({ seq: edge.nextSeq(), at: edge.stamp(), body })));
  expect(await stateOf(orderId)).toBe('charging');
});

test('SY-05 a hello that comes late, behind records that are newer than it, ends nothing', async () => {
  const { orderId } = await charge();
  const told = () => cloud.context.db.selectFrom('told_sessions').selectAll().execute();
  await site.edge.hello({ ...streams(1), runningSessions: [] });
  expect([await stateOf(orderId), await told()]).toEqual(['charging', []]);
  await site.edge.hello({ runningSessions: [] });
  expect(await stateOf(orderId)).toBe('abnormal');
});

test('SY-01 a charge whose end was refused waits for the person who repairs that, and is then billed', async () => {
  const { orderId, sessionId } = await charge();
  const { db } = cloud.context;
  const id = site.connectorId();
  const end = { ...site.ended(sessionId, orderId) };
  const rename = (from: string, to: string) =>
    db.updateTable('orders').set({ connector_id: to }).where('order_id', '=', orderId).where('connector_id', '=', from);
  await rename(id, site.connectorId(1)).execute();
  expect(await site.edge.record(end)).toMatchObject({ refused: [{ code: 'record.refused' }] });
  await rename(site.connectorId(1), id).execute();
  await site.edge.hello();
  expect(await stateOf(orderId)).toBe('charging');
  const letter = await db
    .selectFrom('dead_letters')
    .select('dead_letter_id')
    .where('site_id', '=', site.stage.siteId)
    .executeTakeFirstOrThrow();
  const retry = await cloud.app.inject({
    method: 'POST',
    url: `/staff/v1/dead-letters/${letter.dead_letter_id}/retry`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    payload: JSON.stringify({ retried_by: 'Li Na' }),
  });
  expect(retry.json()).toMatchObject({ records: [{ applied: true }] });
  expect(await stateOf(orderId)).toBe('completed');
});

test.each(['agreed', 'disagreed', 'void'] as const)(
  'CH-03 OP-15 the record of a lost charge that comes all the same (%s) is kept and shown; the end is told once, and a person decides',
  async (verdict) => {
    const { orderId, sessionId } = await charge();
    const edge = await newStore();
    await edge.hello();
    const before = await site.order(orderId);
    clock.advance(60_000);
    const change = { agreed: {}, disagreed: { energyWh: 7_001 }, void: { voidReason: 'cancelled' as const } };
    const late = site.ended(sessionId, orderId, change[verdict]);
    expect((await edge.record(late)).refused).toEqual([]);
    const after = await site.order(orderId);
    expect(after).toMatchObject({
      state: 'abnormal',
      amount_due: null,
      energy_wh: late.cdr.energyWh,
      cdr: { cdr_id: late.cdr.cdrId },
    });
    expect(Date.parse(after.updated_at)).toBeGreaterThan(Date.parse(before.updated_at));
    expect(await site.eventTypes()).toEqual(['charge.started', 'charge.ended']);
    const codes = { agreed: 'order.record_after_loss', disagreed: 'cdr.readings_implausible' };
    expect((await exceptionsOf(orderId)).map(({ code, cdr_id: cdrId }) => [code, cdrId])).toEqual([
      ['session.lost', null],
      [verdict === 'void' ? 'order.record_after_loss' : codes[verdict], late.cdr.cdrId],
    ]);
    const another = ended(edge, site.stage, { sessionId, orderId, connectorId: site.connectorId(), startMs: 0 });
    expect((await edge.record(another)).refused).toMatchObject([{ code: 'wire.conflict' }]);
  },
);

test('SY-03.a a charge that was begun on site and is lost ends as well, and nobody else is told', async () => {
  const sessionId = systemRandom.uuid();
  const connectorId = site.connectorId();
  await site.edge.record({
    kind: 'session.started',
    sessionId,
    pileId: `${connectorId}-pile`,
    connectorId,
    orderId: null,
    commandId: null,
    startedAt: site.edge.stamp(),
    meterStartWh: 1_000,
    limitMa: 16_000,
  });
  await (await newStore()).hello();
  const rows = await cloud.context.db
    .selectFrom('orders')
    .select(['origin', 'state'])
    .where('session_id', '=', sessionId)
    .execute();
  expect(rows).toEqual([{ origin: 'local', state: 'abnormal' }]);
  expect(await site.eventTypes()).toEqual([]);
});

test('SY-03.c a box that is not welcomed ends nothing, nor does any box while two speak for the site', async () => {
  const life = (lifeId = systemRandom.uuid()) => ({ life: { lifeId, formerLifeId: null, controllerId: null } });
  const { orderId } = await charge();
  const first = life();
  await site.edge.hello(first);
  const second = life();
  // The one that speaks for the site is alive.
  await site.edge.publish('hello', {
    v: 1,
    siteId: site.stage.siteId,
    connectionEpoch: systemRandom.uuid(),
    storeEpoch: systemRandom.uuid(),
    software: 'other',
    at: site.edge.stamp(),
    ...streams(0),
    runningSessions: [],
    ...second,
  });
  await site.edge.take('hold');
  expect(await stateOf(orderId)).toBe('charging');
  await cloud.context.db
    .updateTable('site_lives')
    .set({ status: 'barred' })
    .where('life_id', '=', second.life.lifeId)
    .execute();
  await site.edge.hello({ ...first, runningSessions: [] });
  expect(await stateOf(orderId)).toBe('charging');
  await cloud.context.db
    .updateTable('site_lives')
    .set({ status: 'former' })
    .where('life_id', '=', second.life.lifeId)
    .execute();
  await site.edge.record(alarm());
  expect(await stateOf(orderId)).toBe('abnormal');
});
