import { describe, expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import type { ScheduledTariff, TariffSchedule } from '#shared/tariff/schedule.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { systemRandom } from '../random.ts';
import { putTariffInForce } from '../staff/create-tariff.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { exampleTariff } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { siteTariffs, tariffOf } from './tariff-in-force.ts';

const HOUR_MS = 3_600_000;
const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let runs = 0;

onChargingSites('ts', clock, (onCloud, onSite, run) => {
  cloud = onCloud;
  site = onSite;
  runs = run;
});

const iso = (atMs: number) => new Date(atMs).toISOString();
const tariff = (version: number, change: Partial<Tariff> = {}): Tariff => ({
  ...exampleTariff,
  tariffId: `schedule-${runs}`,
  version,
  ...change,
});
const entry = (version: number, fromMs: number, untilMs: number | null, connectorIds?: string[]): ScheduledTariff => ({
  from: iso(fromMs),
  until: untilMs === null ? null : iso(untilMs),
  ...(connectorIds && { connectorIds }),
  tariff: tariff(version),
});
const schedule = (version: number, ...tariffs: ScheduledTariff[]): TariffSchedule => ({
  version,
  currency: 'CNY',
  bounds: { leastPriceE4: 1_000, mostPriceE4: 30_000 },
  tariffs,
});

async function put(document: TariffSchedule, siteId = site.stage.siteId) {
  const response = await cloud.app.inject({
    method: 'POST',
    url: `/staff/v1/sites/${siteId}/documents`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    payload: JSON.stringify({ document_kind: 'tariffs', text: JSON.stringify(document), requested_by: 'Li Na' }),
  });
  return { status: response.statusCode, body: response.json() };
}
async function at(connectorId: string | null, atMs: number): Promise<number | string> {
  const found = tariffOf(await siteTariffs(cloud.context.db, site.stage.siteId), connectorId, atMs);
  return found.ok ? found.value.version : found.reason;
}

describe('XC-04 a schedule of tariffs', () => {
  test('holds from its instants on, for the connectors that it names, in place of what was', async () => {
    const nowMs = clock.wallMs();
    const [first, second] = [site.connectorId(0), site.connectorId(1)];
    const changeMs = nowMs + HOUR_MS;
    const document = schedule(
      1,
      entry(1, nowMs - HOUR_MS, changeMs),
      entry(3, nowMs - HOUR_MS, changeMs, [second]),
      entry(2, changeMs, null),
    );
    expect(await put(document)).toMatchObject({
      status: 202,
      body: { document_kind: 'tariffs', version: 1, status: 'open' },
    });
    expect([await at(first, nowMs), await at(second, nowMs), await at(null, nowMs)]).toEqual([1, 3, 1]);
    expect([await at(first, changeMs), await at(second, changeMs)]).toEqual([2, 2]);
    expect(await at(first, nowMs - HOUR_MS - 1)).toBe('not-yet');
    const station = await site.stage.partner.call('GET', `/v1/stations/${site.stage.siteId}`);
    expect(station.body).toMatchObject({
      tariff: { tariff_id: `schedule-${runs}`, version: 1 },
      connectors: [{ tariff: { version: 1 } }, { tariff: { version: 3 } }],
    });
    const connector = await site.stage.partner.call('GET', `/v1/connectors/${second}`);
    expect(connector.body).toMatchObject({ tariff: { version: 3 } });
  });

  test('a start carries the tariff of its connector, and its order keeps it whatever comes later', async () => {
    const nowMs = clock.wallMs();
    await put(schedule(1, entry(1, nowMs, null), entry(2, nowMs, null, [site.connectorId()])));
    const { body } = await site.start();
    const command = await site.takeStart();
    expect(command.tariff).toEqual(tariff(2));
    expect((await put(schedule(2, entry(5, nowMs, null)))).status).toBe(202);
    const { sessionId } = await site.begin(command);
    const plain = site.ended(sessionId, body.order_id).cdr;
    const rating = rate(tariff(2), plain.readings);
    await site.edge.record(site.ended(sessionId, body.order_id, { tariff: tariff(2), rating }));
    expect(await site.order(body.order_id)).toMatchObject({ state: 'completed', cdr: { tariff: { version: 2 } } });
  });

  test('ED-10 a charge that a site has begun by it, by a card, is known by the same tariff here', async () => {
    const own = tariff(1, {
      bands: [{ name: 'all day', startMinute: 0, electricityPriceE4: 7000, servicePriceE4: 0 }],
    });
    await put(schedule(1, { ...entry(1, clock.wallMs() - HOUR_MS, null), tariff: own }));
    const sessionId = systemRandom.uuid();
    const { readings } = site.ended(sessionId, null).cdr;
    const startedBy = { kind: 'card' as const, reference: 'K1' };
    const record = site.ended(sessionId, null, { startedBy, tariff: own, rating: rate(own, readings) });
    await site.edge.record(record);
    const order = cloud.context.db.selectFrom('orders').select(['state', 'tariff_id', 'origin']);
    expect(await order.where('session_id', '=', sessionId).execute()).toEqual([
      { state: 'completed', tariff_id: own.tariffId, origin: 'local' },
    ]);
  });

  test('where none is in force no charge begins, and the refusal says which way', async () => {
    const nowMs = clock.wallMs();
    await put(schedule(1, entry(1, nowMs + HOUR_MS, null)));
    expect(await site.start()).toMatchObject({
      status: 409,
      body: { code: 'tariff.missing', detail: `connector ${site.connectorId()}: not-yet` },
    });
    await put(schedule(2, entry(1, nowMs - HOUR_MS, nowMs)));
    expect(await site.start('r-2')).toMatchObject({
      status: 409,
      body: { detail: expect.stringMatching(/: expired$/) },
    });
    await put(schedule(3));
    expect(await site.start('r-3')).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/: none$/) } });
  });

  test('XC-08 what is wrong with one is named by its path, all of it, and nothing of it holds', async () => {
    const nowMs = clock.wallMs();
    const before = await at(null, nowMs);
    const absurd = { ...entry(2, nowMs, null, ['nobody']), tariff: tariff(2, { currency: 'EUR', minimumMinor: 100 }) };
    const { status, body } = await put(schedule(1, entry(1, nowMs - HOUR_MS, nowMs - 1), absurd));
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'request.invalid' });
    expect(body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      '#/text/tariffs/1/tariff/minimumMinor',
      '#/text/tariffs/1/tariff/currency',
      '#/text/tariffs/1/from',
      '#/text/tariffs/1/connectorIds/0',
    ]);
    expect(await at(null, nowMs)).toBe(before);
  });

  test('its versions rise; the same one again changes nothing', async () => {
    const nowMs = clock.wallMs();
    const document = schedule(3, entry(1, nowMs, null));
    expect((await put(document)).status).toBe(202);
    expect((await put(document)).status).toBe(202);
    expect(await put(schedule(3, entry(2, nowMs, null)))).toMatchObject({
      status: 409,
      body: { code: 'resource.exists' },
    });
    expect(await put(schedule(2, entry(2, nowMs, null)))).toMatchObject({
      status: 409,
      body: { code: 'resource.exists', detail: 'version 3 is known; the next is 4' },
    });
    const rows = cloud.context.db.selectFrom('site_tariffs').select('version').where('site_id', '=', site.stage.siteId);
    expect(await rows.where('replaced_at_ms', 'is', null).execute()).toEqual([{ version: 1 }]);
  });

  test('a tariff version that exists with another content is refused, and nothing of the schedule holds', async () => {
    const nowMs = clock.wallMs();
    await put(schedule(1, entry(1, nowMs, null)));
    const changed = { ...entry(1, nowMs, null), tariff: tariff(1, { timezone: 'UTC' }) };
    expect(await put(schedule(2, changed))).toMatchObject({ status: 409, body: { code: 'tariff.version_exists' } });
    expect((await put(schedule(2, entry(4, nowMs, null)))).status).toBe(202);
  });

  test('a tariff put in force at once takes the place of what is for the whole site', async () => {
    const nowMs = clock.wallMs();
    const own = site.connectorId(1);
    await put(schedule(1, entry(1, nowMs, null), entry(2, nowMs, null, [own])));
    await putTariffInForce(cloud.context, [site.stage.siteId], tariff(7));
    expect([await at(site.connectorId(0), nowMs), await at(own, nowMs)]).toEqual([7, 2]);
    await expect(
      putTariffInForce(cloud.context, [site.stage.siteId], tariff(8), { leastPriceE4: 0, mostPriceE4: 10_000 }),
    ).rejects.toMatchObject({ complaints: [{ path: 'tariff.bands.1' }] });
    expect(await at(null, nowMs)).toBe(7);
  });

  test('an unknown site has none', async () => {
    expect(await put(schedule(1), 'nowhere')).toMatchObject({ status: 404, body: { code: 'station.unknown' } });
  });
});
