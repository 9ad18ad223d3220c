import { expect, test } from 'vitest';
import type { ChargingSite } from '../../testing/charging-site.ts';
import { setTheStage, staffPost } from '../../testing/fixtures.ts';
import { onChargingSites } from '../../testing/on-charging-sites.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import type { TestCloud } from '../../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('pl', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

test('OP-10 OP-27 whoever follows the price lists gets those of a station that is opened to it, by whatever word', async () => {
  const { siteId } = site.stage;
  const other = await setTheStage(cloud, { name: `${siteId}-other` });
  const access = (body: object) =>
    staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${site.stage.partnerId}/access`, {
      environment: 'sandbox',
      reason: 'contract',
      ...body,
    });
  const read = async (what: string, cursor: string | null) => {
    clock.advance(5_000);
    const query = cursor === null ? '' : `&cursor=${cursor}`;
    return (await site.stage.partner.call('GET', `/v1/${what}?limit=200${query}`)).body;
  };
  clock.advance(60_000);
  await access({ stations: 'listed', site_ids: [other.siteId] });
  const stations = await read('stations', null);
  const prices = await read('price-lists', null);
  expect(prices.price_lists.map((one: { site_id: string }) => one.site_id)).toEqual([other.siteId]);
  clock.advance(60_000);
  await access({ stations: 'all' });
  const sitesOf = (rows: { site_id: string }[]) => rows.map((one) => one.site_id);
  expect(sitesOf((await read('stations', stations.next_cursor)).stations)).toContain(siteId);
  expect(sitesOf((await read('price-lists', prices.next_cursor)).price_lists)).toContain(siteId);
});
