import { expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import type { ScheduledTariff, TariffSchedule } from '#shared/tariff/schedule.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { ChargingSite } from '../../testing/charging-site.ts';
import { exampleTariff, setTheStage } from '../../testing/fixtures.ts';
import { onChargingSites } from '../../testing/on-charging-sites.ts';
import { askAsStaff } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import type { TestCloud } from '../../testing/test-cloud.ts';

const HOUR_MS = 3_600_000;
const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let runs = 0;

onChargingSites('pp', clock, (onCloud, onSite, run) => {
  cloud = onCloud;
  site = onSite;
  runs = run;
});

const iso = (atMs: number) => new Date(atMs).toISOString();
const tariff = (version: number, change: Partial<Tariff> = {}): Tariff => ({
  ...exampleTariff,
  tariffId: `own-${runs}`,
  version,
  bands: [{ name: 'all day', startMinute: 0, electricityPriceE4: 5_000 + version, servicePriceE4: 1_000 }],
  ...change,
});
const entry = (version: number, fromMs = clock.wallMs(), untilMs: number | null = null): ScheduledTariff => ({
  from: iso(fromMs),
  until: untilMs === null ? null : iso(untilMs),
  tariff: tariff(version),
});
const schedule = (
  version: number,
  tariffs: ScheduledTariff[],
  change: Partial<TariffSchedule> = {},
): TariffSchedule => ({
  version,
  currency: 'CNY',
  bounds: { leastPriceE4: 1_000, mostPriceE4: 30_000 },
  tariffs,
  ...change,
});
const put = (document: TariffSchedule, siteId: string | null = site.stage.siteId, partnerId = site.stage.partnerId) =>
  askAsStaff(cloud, {
    method: 'POST',
    path: `/partners/${partnerId}/prices`,
    token: cloud.staffToken,
    body: { environment: 'sandbox', site_id: siteId, schedule: document, reason: 'contract 7' },
  });
const priceNow = async (connectorId = site.connectorId()) => {
  const { tariff: found } = (await site.stage.partner.call('GET', `/v1/connectors/${connectorId}`)).body;
  return `${found.tariff_id}/${found.version}`;
};

test('OP-27 an own price for a station goes before one for all stations, and that before the price of the station', async () => {
  expect(await priceNow()).toBe('example/1');
  expect(await put(schedule(1, [entry(1)]), null)).toMatchObject({ status: 200 });
  expect(await priceNow()).toBe(`own-${runs}/1`);
  const terms = await put(
    schedule(1, [
      { ...entry(2), connectorIds: [site.connectorId()] },
      { ...entry(3), connectorIds: [site.connectorId(1)] },
    ]),
  );
  expect(terms.body).toMatchObject({
    stations: 'all',
    prices: [{ site_id: site.stage.siteId, put_by: 'service' }, { site_id: null }],
  });
  expect([await priceNow(), await priceNow(site.connectorId(1))]).toEqual([`own-${runs}/2`, `own-${runs}/3`]);
  const station = await site.stage.partner.call('GET', `/v1/stations/${site.stage.siteId}`);
  expect(station.body).toMatchObject({
    tariff: { version: 1 },
    connectors: [{ tariff: { version: 2 } }, { tariff: { version: 3 } }],
  });
  expect((await put(schedule(2, []))).status).toBe(200);
  expect((await put(schedule(2, []), null)).status).toBe(200);
  expect(await priceNow()).toBe('example/1');
});

test('OP-27 it is one partner who pays it', async () => {
  await put(schedule(1, [entry(1)]), null);
  const other = await setTheStage(cloud, { name: `${site.stage.siteId}-other` });
  const seen = await other.partner.call('GET', `/v1/connectors/${site.connectorId()}`);
  expect(seen.body.tariff).toMatchObject({ tariff_id: 'example' });
});

test('OP-27 a price begins at its instant and ends at its other; a charge keeps the one that it began with, and its bill is checked by it', async () => {
  const beginsMs = clock.wallMs() + 1_000;
  await put(schedule(1, [entry(1, beginsMs, beginsMs + HOUR_MS)]));
  expect(await priceNow()).toBe('example/1');
  clock.advance(1_000);
  await site.plugIn();
  expect(await priceNow()).toBe(`own-${runs}/1`);
  const { body } = await site.start();
  const command = await site.takeStart();
  expect(command.tariff).toEqual(tariff(1));
  await put(schedule(2, [entry(4)]));
  expect(await priceNow()).toBe(`own-${runs}/4`);
  const { sessionId } = await site.begin(command);
  const rating = rate(tariff(1), site.ended(sessionId, body.order_id).cdr.readings);
  await site.edge.record(site.ended(sessionId, body.order_id, { tariff: tariff(1), rating }));
  expect(await site.order(body.order_id)).toMatchObject({
    state: 'completed',
    cdr: { tariff: { tariff_id: `own-${runs}`, version: 1 } },
  });
});

test('OP-27 a bill by the price of the station is not agreed to where the order began with an own price', async () => {
  await put(schedule(1, [entry(1)]));
  const { body } = await site.start();
  const { sessionId } = await site.begin(await site.takeStart());
  await site.edge.record(site.ended(sessionId, body.order_id));
  expect(await site.order(body.order_id)).toMatchObject({ state: 'abnormal', amount_due: null });
});

test('OP-27 an own price wins over a station that changes its own, as long as it is in force', async () => {
  await put(schedule(1, [entry(1, clock.wallMs(), clock.wallMs() + HOUR_MS)]));
  const changed = { site_ids: [site.stage.siteId], tariff: { ...exampleTariff, tariffId: `station-${runs}` } };
  await askAsStaff(cloud, { method: 'POST', path: '/tariffs', token: cloud.staffToken, body: changed });
  expect(await priceNow()).toBe(`own-${runs}/1`);
  clock.advance(HOUR_MS);
  expect(await priceNow()).toBe(`station-${runs}/1`);
});

test('OP-27 what is wrong with prices is told as of a station, and nothing is put', async () => {
  const pointers = async (document: TariffSchedule, siteId: string | null = site.stage.siteId) => {
    const { status, body } = await put(document, siteId);
    return [status, body.code, ...(body.errors ?? []).map((error: { pointer: string }) => error.pointer)];
  };
  const nowMs = clock.wallMs();
  expect(
    await pointers(schedule(1, [{ ...entry(1), tariff: tariff(1, { currency: 'EUR' }) }], { currency: 'EUR' })),
  ).toEqual([400, 'request.invalid', '#/schedule/currency']);
  expect(await pointers(schedule(1, [entry(1, nowMs, nowMs)]))).toEqual([
    400,
    'request.invalid',
    '#/schedule/tariffs/0/until',
  ]);
  expect(await pointers(schedule(1, [entry(1)], { bounds: { leastPriceE4: 0, mostPriceE4: 10 } }))).toEqual([
    400,
    'request.invalid',
    '#/schedule/tariffs/0/tariff/bands/0',
  ]);
  const named = { ...entry(1), connectorIds: [site.connectorId()] };
  expect(await pointers(schedule(1, [named]), null)).toEqual([
    400,
    'request.invalid',
    '#/schedule/tariffs/0/connectorIds',
  ]);
  expect((await put(schedule(1, [entry(1)]), 'nowhere')).body.code).toBe('station.unknown');
  expect((await put(schedule(1, [entry(1)]), null, 'nobody')).body.code).toBe('partner.unknown');
  expect(await priceNow()).toBe('example/1');
});

test('OP-27 versions of prices rise, and the same one again changes nothing', async () => {
  await put(schedule(2, [entry(1)]));
  const rows = () =>
    cloud.context.db.selectFrom('partner_prices').selectAll().where('partner_id', '=', site.stage.partnerId).execute();
  const before = await rows();
  expect((await put(schedule(2, [entry(1)]))).status).toBe(200);
  expect(await rows()).toEqual(before);
  expect((await put(schedule(2, [entry(2)]))).body.code).toBe('tariff.version_exists');
  expect((await put(schedule(1, [entry(2)]))).body.code).toBe('tariff.version_exists');
  expect(
    (
      await put(
        schedule(3, [{ ...entry(1), tariff: tariff(1, { minimumMinor: 5 }) }], {
          bounds: { leastPriceE4: 0, mostPriceE4: 30_000, mostFeeMinor: 10 },
        }),
      )
    ).body.code,
  ).toBe('tariff.version_exists');
  expect(await rows()).toEqual(before);
});

test('OP-27 a station that comes to ask for another currency later takes no start at an own price in the former one', async () => {
  await put(schedule(1, [entry(1)]), null);
  const changed = {
    site_ids: [site.stage.siteId],
    tariff: { ...exampleTariff, tariffId: `euro-${runs}`, currency: 'EUR' },
  };
  await askAsStaff(cloud, { method: 'POST', path: '/tariffs', token: cloud.staffToken, body: changed });
  expect(await site.start()).toMatchObject({
    status: 409,
    body: { code: 'tariff.missing', detail: expect.stringContaining('other-currency') },
  });
});

test('OP-27 prices that are put move their stations in the order of changes', async () => {
  const changedAt = async () =>
    (await site.stage.partner.call('GET', `/v1/stations/${site.stage.siteId}`)).body.updated_at;
  const before = await changedAt();
  clock.advance(5);
  await put(schedule(1, [entry(1)]));
  const own = await changedAt();
  clock.advance(5);
  await put(schedule(2, [entry(2)]));
  expect([own > before, (await changedAt()) > own]).toEqual([true, true]);
});
