import { expect, test } from 'vitest';
import { systemRandom } from '../../random.ts';
import type { ChargingSite } from '../../testing/charging-site.ts';
import { setTheStage } from '../../testing/fixtures.ts';
import { onChargingSites } from '../../testing/on-charging-sites.ts';
import { askAsStaff } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import type { TestCloud } from '../../testing/test-cloud.ts';

const HOUR_MS = 3_600_000;
const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('ho', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const iso = (atMs: number) => new Date(atMs).toISOString();
const staff = (path: string, body: object) =>
  askAsStaff(cloud, { method: 'POST', path, token: cloud.staffToken, body });
const plan = (fromMs: number, untilMs: number, change: object = {}) =>
  staff(`/sites/${site.stage.siteId}/maintenance-windows`, {
    window_id: systemRandom.uuid(),
    connector_ids: null,
    from: iso(fromMs),
    until: iso(untilMs),
    note: 'new cables',
    ...change,
  });
const get = async (path: string) => (await site.stage.partner.call('GET', path)).body;
const eventsOf = async (partnerId = site.stage.partnerId) => {
  const rows = await cloud.context.db
    .selectFrom('webhook_events')
    .select(['type', 'payload', 'lane'])
    .where('partner_id', '=', partnerId)
    .where('type', 'like', 'station.%')
    .orderBy('created_at_ms')
    .execute();
  return rows.map(({ type, payload, lane }) => ({ type, lane, data: JSON.parse(payload).data }));
};
/** All of the local day but the hour that is now. */
const closedNow = () => {
  const hour = Number(
    new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Shanghai', hour: '2-digit', hourCycle: 'h23' }).format(
      clock.wallMs(),
    ),
  );
  const two = (n: number) => String(n).padStart(2, '0');
  const weekdays = [1, 2, 3, 4, 5, 6, 7];
  const spans = [
    { weekdays, from: '00:00', to: `${two(hour)}:00` },
    { weekdays, from: `${two(hour + 1)}:00`, to: '24:00' },
  ];
  return { always_open: false, weekly: spans.filter(({ from, to }) => from !== to), exceptions: [] };
};

test('OP-29 outside of its opening hours a station takes no start, says so ahead, and partners are told', async () => {
  const hours = closedNow();
  expect(await get(`/v1/stations/${site.stage.siteId}`)).toMatchObject({
    opening_hours: null,
    connectors: [{ closed_by: null }, {}],
  });
  const put = await staff(`/sites/${site.stage.siteId}/hours`, { hours, reason: 'the gate is locked' });
  expect(put).toMatchObject({ status: 200, body: { hours } });
  expect(await get(`/v1/stations/${site.stage.siteId}`)).toMatchObject({
    opening_hours: hours,
    connectors: [{ closed_by: 'station.closed', status: 'plugged' }, { closed_by: 'station.closed' }],
  });
  const before = await site.countRows();
  expect(await site.start()).toMatchObject({ status: 409, body: { code: 'station.closed', fault: 'site' } });
  expect(await site.countRows()).toEqual(before);
  expect(await eventsOf()).toEqual([
    {
      type: 'station.hours_changed',
      lane: site.stage.siteId,
      data: { site_id: site.stage.siteId, opening_hours: hours },
    },
  ]);
  await staff(`/sites/${site.stage.siteId}/hours`, { hours: null, reason: 'the gate is gone' });
  expect((await site.start()).status).toBe(202);
});

test('OP-29 planned maintenance is announced ahead, refuses starts while it lasts, and what runs goes on', async () => {
  const fromMs = clock.wallMs() + HOUR_MS;
  const { status, body: planned } = await plan(fromMs, fromMs + HOUR_MS);
  expect([status, planned.state]).toEqual([200, 'planned']);
  expect((await get(`/v1/stations/${site.stage.siteId}`)).maintenance).toEqual([planned]);
  expect((await get('/v1/maintenance-windows')).windows).toContainEqual(planned);
  expect(await eventsOf()).toEqual([{ type: 'station.maintenance_planned', lane: site.stage.siteId, data: planned }]);
  const { body } = await site.start();
  const { sessionId } = await site.begin(await site.takeStart());
  clock.advance(HOUR_MS);
  expect(
    (await get('/v1/stations')).stations.find((one: { site_id: string }) => one.site_id === site.stage.siteId),
  ).toMatchObject({ maintenance: [planned] });
  await site.edge.hello();
  await site.plugIn(site.connectorId(1));
  expect(await site.start('r-2', site.connectorId(1))).toMatchObject({
    status: 409,
    body: { code: 'station.maintenance', fault: 'site' },
  });
  expect((await site.order(body.order_id)).state).toBe('charging');
  await site.edge.record(site.ended(sessionId, body.order_id));
  clock.advance(HOUR_MS);
  await site.edge.hello();
  await site.plugIn(site.connectorId(1));
  expect((await site.start('r-3', site.connectorId(1))).status).toBe(202);
  expect((await get(`/v1/stations/${site.stage.siteId}`)).maintenance).toEqual([]);
});

test('OP-29 of some connectors only those are closed', async () => {
  await plan(clock.wallMs(), clock.wallMs() + HOUR_MS, { connector_ids: [site.connectorId(1)] });
  await site.plugIn(site.connectorId(1));
  expect((await site.start('r-1', site.connectorId(1))).body.code).toBe('station.maintenance');
  expect((await site.start('r-2')).status).toBe(202);
  expect((await get(`/v1/connectors/${site.connectorId(1)}`)).closed_by).toBe('station.maintenance');
});

test('OP-29 what is changed or cancelled is told in order, and moves the station in the order of changes', async () => {
  const changedAt = async () => (await get(`/v1/stations/${site.stage.siteId}`)).updated_at;
  const fromMs = clock.wallMs() + HOUR_MS;
  const { body: planned } = await plan(fromMs, fromMs + HOUR_MS);
  const first = await changedAt();
  clock.advance(5);
  const path = `/maintenance-windows/${planned.window_id}`;
  const times = {
    connector_ids: null,
    from: iso(fromMs + HOUR_MS),
    until: iso(fromMs + 2 * HOUR_MS),
    note: 'the cables are late',
  };
  expect(await staff(`${path}/change`, times)).toMatchObject({ status: 200, body: { ...times, state: 'planned' } });
  expect((await changedAt()) > first).toBe(true);
  clock.advance(5);
  expect((await staff(`${path}/cancel`, { reason: 'no cables' })).body).toMatchObject({
    state: 'cancelled',
    cancel_reason: 'no cables',
  });
  expect((await eventsOf()).map(({ type, lane }) => [type, lane])).toEqual(
    ['planned', 'changed', 'cancelled'].map((what) => [`station.maintenance_${what}`, site.stage.siteId]),
  );
  expect(
    (await get('/v1/maintenance-windows')).windows.filter(
      (one: { site_id: string }) => one.site_id === site.stage.siteId,
    ),
  ).toEqual([]);
  expect((await staff(`${path}/cancel`, { reason: 'again' })).body.code).toBe('maintenance.over');
  expect((await staff(`${path}/change`, times)).body.code).toBe('maintenance.over');
});

test('OP-29 what is planned wrongly is refused and tells nobody; the same again plans nothing more', async () => {
  const nowMs = clock.wallMs();
  expect((await plan(nowMs + 2, nowMs + 2)).body.code).toBe('request.invalid');
  expect((await plan(nowMs - 5, nowMs)).body.code).toBe('maintenance.over');
  expect((await plan(nowMs, nowMs + 5, { connector_ids: ['elsewhere'] })).body.code).toBe('connector.unknown');
  expect((await staff('/sites/nowhere/hours', { hours: null, reason: 'x' })).body.code).toBe('station.unknown');
  expect((await staff(`/maintenance-windows/${systemRandom.uuid()}/cancel`, { reason: 'x' })).body.code).toBe(
    'maintenance.unknown',
  );
  expect(await eventsOf()).toEqual([]);
  const windowId = systemRandom.uuid();
  const first = await plan(nowMs, nowMs + HOUR_MS, { window_id: windowId });
  expect((await plan(nowMs, nowMs + HOUR_MS, { window_id: windowId })).body).toEqual(first.body);
  expect((await plan(nowMs, nowMs + 2 * HOUR_MS, { window_id: windowId })).body.code).toBe('resource.exists');
  expect(await eventsOf()).toHaveLength(1);
});

test('OP-29 OP-27 whoever may not use a station is not told of it, and does not find it in the list', async () => {
  const other = await setTheStage(cloud, { name: `${site.stage.siteId}-other` });
  const access = { environment: 'sandbox', stations: 'listed', site_ids: [other.siteId], reason: 'contract' };
  await staff(`/partners/${other.partnerId}/access`, access);
  const { body: planned } = await plan(clock.wallMs(), clock.wallMs() + HOUR_MS);
  expect(await eventsOf(other.partnerId)).toEqual([]);
  expect((await other.partner.call('GET', '/v1/maintenance-windows?limit=200')).body.windows).not.toContainEqual(
    planned,
  );
});

test('OP-29 windows are listed by time, page after page', async () => {
  const nowMs = clock.wallMs();
  const ids = [];
  for (const hour of [3, 1, 2])
    ids.push((await plan(nowMs + hour * HOUR_MS, nowMs + (hour + 1) * HOUR_MS)).body.window_id);
  const path = `/v1/maintenance-windows?limit=2&site_id=${site.stage.siteId}`;
  const first = await get(path);
  expect(first).toMatchObject({ has_more: true, windows: [{ window_id: ids[1] }, { window_id: ids[2] }] });
  const second = await get(`${path}&cursor=${first.next_cursor}`);
  expect(second).toMatchObject({ has_more: false, windows: [{ window_id: ids[0] }] });
  const between = `${path}&from=${iso(nowMs + 2 * HOUR_MS)}&until=${iso(nowMs + 3 * HOUR_MS)}`;
  expect((await get(between)).windows).toMatchObject([{ window_id: ids[2] }]);
});
