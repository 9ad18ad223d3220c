import { expect, test } from 'vitest';
import type { TariffSchedule } from '#shared/tariff/schedule.ts';
import type { ChargingSite } from '../../testing/charging-site.ts';
import { exampleTariff, setTheStage, staffPost } from '../../testing/fixtures.ts';
import { onChargingSites } from '../../testing/on-charging-sites.ts';
import { askAsStaff } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import type { TestCloud } from '../../testing/test-cloud.ts';
import { touchAtPriceTurns } from './price-turns.ts';

const HOUR_MS = 3_600_000;
const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
let runs = 0;

onChargingSites('turns', clock, (onCloud, onSite, run) => {
  cloud = onCloud;
  site = onSite;
  runs = run;
});

const iso = (atMs: number) => new Date(atMs).toISOString();
/** Prices that change in an hour and end in two. */
function twoPrices(tariffId: string): TariffSchedule {
  const nowMs = clock.wallMs();
  const at = [nowMs, nowMs + HOUR_MS, nowMs + 2 * HOUR_MS].map(iso);
  const entry = (version: number) => ({
    from: at[version - 1] ?? '',
    until: at[version] ?? null,
    tariff: { ...exampleTariff, tariffId: `${tariffId}-${runs}`, version },
  });
  const bounds = { leastPriceE4: 1_000, mostPriceE4: 30_000 };
  return { version: 1, currency: 'CNY', bounds, tariffs: [entry(1), entry(2)] };
}
const post = (path: string, body: object) => staffPost(cloud.app, cloud.staffToken, `/staff/v1${path}`, body);
const ownPrices = (siteId: string | null, schedule: TariffSchedule) =>
  post(`/partners/${site.stage.partnerId}/prices`, {
    environment: 'sandbox',
    site_id: siteId,
    schedule,
    reason: 'contract 7',
  });

/** What somebody sees who asks for changes: stations with the version of their tariff. */
function changesSeen() {
  // Changes of the same millisecond have times behind it.
  clock.advance(100);
  let cursor = new URLSearchParams({ updated_from: iso(clock.wallMs()) }).toString();
  return async (): Promise<string[]> => {
    await touchAtPriceTurns(cloud.context);
    clock.advance(2_000);
    const { body } = await site.stage.partner.call('GET', `/v1/stations?limit=200&${cursor}`);
    if (body.next_cursor !== null) cursor = `cursor=${body.next_cursor}`;
    return body.stations.map(
      (one: { site_id: string; tariff: { version: number } | null }) => `${one.site_id} ${one.tariff?.version ?? null}`,
    );
  };
}

/** Who puts prices, and which version is paid when they have ended. */
const puts: [string, (schedule: TariffSchedule) => Promise<unknown>, number | null][] = [
  [
    'of the station',
    (schedule) =>
      post(`/sites/${site.stage.siteId}/documents`, {
        document_kind: 'tariffs',
        text: JSON.stringify(schedule),
        requested_by: 'Li Na',
      }),
    null,
  ],
  ["of the partner's own", (schedule) => ownPrices(site.stage.siteId, schedule), 1],
];

test.each(puts)('OP-10 a price %s that begins or ends is a change of the station, once', async (_, put, afterwards) => {
  const { siteId } = site.stage;
  await put(twoPrices('turning'));
  const changes = changesSeen();
  expect(await changes()).toEqual([]);
  clock.advance(HOUR_MS);
  expect(await changes()).toEqual([`${siteId} 2`]);
  expect(await changes()).toEqual([]);
  clock.advance(HOUR_MS);
  expect(await changes()).toEqual([`${siteId} ${afterwards}`]);
  expect(await changes()).toEqual([]);
});

test.each(puts)('OP-10 a price %s that was replaced before it began changes nothing', async (_, put) => {
  const prices = twoPrices('replaced');
  await put(prices);
  await put({ ...prices, version: 2, tariffs: [] });
  const changes = changesSeen();
  clock.advance(HOUR_MS);
  expect(await changes()).toEqual([]);
});

test('OP-10 an own price for all stations changes each of its environment but those that are withdrawn', async () => {
  const { siteId } = site.stage;
  const other = await setTheStage(cloud, { name: `turns-other-${runs}` });
  const gone = await setTheStage(cloud, { name: `turns-gone-${runs}` });
  const live = await setTheStage(cloud, { name: `turns-live-${runs}`, environment: 'live' });
  const withdrawal = { method: 'POST', path: `/sites/${gone.siteId}/withdraw`, body: { reason: 'the lease is over' } };
  expect((await askAsStaff(cloud, { ...withdrawal, token: cloud.staffToken })).status).toBe(204);
  await ownPrices(null, twoPrices('for-all'));
  const changes = changesSeen();
  const touched = async () => {
    const rows = await cloud.context.db.selectFrom('sites').select(['site_id', 'updated_at_ms']).execute();
    return new Map(rows.map((row) => [row.site_id, row.updated_at_ms]));
  };
  const before = await touched();
  clock.advance(HOUR_MS);
  expect(await changes()).toEqual(expect.arrayContaining([`${siteId} 2`, `${other.siteId} 2`]));
  const after = await touched();
  for (const still of [gone.siteId, live.siteId]) expect(after.get(still)).toBe(before.get(still));
});
