import { expect, test } from 'vitest';
import type { ChargingSite } from '../../testing/charging-site.ts';
import { setTheStage, staffPost } from '../../testing/fixtures.ts';
import { onChargingSites } from '../../testing/on-charging-sites.ts';
import { createPartnerClient } from '../../testing/partner-client.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import type { TestCloud } from '../../testing/test-cloud.ts';
import { partnersWhoMayUse } from './visible.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('vi', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

/** The station is no longer among those that its partner may use, until it is listed. */
const narrow = (environment: 'sandbox' | 'live' = 'sandbox') =>
  cloud.context.db
    .insertInto('partner_access')
    .values({
      partner_id: site.stage.partnerId,
      environment,
      stations: 'listed',
      changed_at_ms: clock.wallMs(),
      changed_by: 'Li Na',
    })
    .execute();
const list = (siteId = site.stage.siteId) =>
  cloud.context.db
    .insertInto('partner_stations')
    .values({ partner_id: site.stage.partnerId, site_id: siteId, listed_at_ms: clock.wallMs() })
    .execute();
const look = async (path: string) => {
  const { status, body } = await site.stage.partner.call('GET', path);
  return status === 200 ? status : `${status} ${body.code}`;
};
const stationIds = async () => {
  const { body } = await site.stage.partner.call('GET', '/v1/stations?limit=200');
  return body.stations.map((station: { site_id: string }) => station.site_id).sort();
};

test('OP-27 a station that is not listed for a partner does not exist for it: no look-up, list or start tells otherwise', async () => {
  const { siteId } = site.stage;
  const other = await setTheStage(cloud, { name: `${siteId}-other` });
  expect(await stationIds()).toEqual(expect.arrayContaining([siteId, other.siteId]));
  await narrow();
  await list(other.siteId);
  expect(await stationIds()).toEqual([other.siteId]);
  expect(await look(`/v1/stations/${siteId}`)).toBe('404 station.unknown');
  expect(await look(`/v1/connectors/${site.connectorId()}`)).toBe('404 connector.unknown');
  const before = await site.countRows();
  expect(await site.start()).toMatchObject({ status: 404, body: { code: 'connector.unknown' } });
  expect(await site.countRows()).toEqual(before);
  await list();
  expect(await stationIds()).toEqual([siteId, other.siteId].sort());
  expect(await look(`/v1/connectors/${site.connectorId()}`)).toBe(200);
  expect((await site.start('r-2')).status).toBe(202);
});

test('OP-27 what is narrowed is one environment of one partner', async () => {
  await narrow('live');
  expect(await look(`/v1/stations/${site.stage.siteId}`)).toBe(200);
  const live = await setTheStage(cloud, { name: `${site.stage.siteId}-live`, environment: 'live' });
  const path = `/staff/v1/partners/${site.stage.partnerId}/keys`;
  const key = await staffPost(cloud.app, cloud.staffToken, path, { environment: 'live', scopes: ['read'] });
  const partner = createPartnerClient(cloud.app, clock, key);
  expect((await partner.call('GET', `/v1/stations/${live.siteId}`)).status).toBe(404);
  expect((await live.partner.call('GET', `/v1/stations/${live.siteId}`)).status).toBe(200);
  expect(await partnersWhoMayUse(cloud.context.db, live.siteId)).toEqual([
    { partnerId: live.partnerId, environment: 'live' },
  ]);
});

test('OP-27 a charge that runs at a station that is withdrawn can be looked at and stopped', async () => {
  const { body } = await site.start();
  await site.begin(await site.takeStart());
  await narrow();
  expect((await site.order(body.order_id)).state).toBe('charging');
  expect(await site.start()).toMatchObject({ status: 202, body: { order_id: body.order_id } });
  expect((await site.stop(body.order_id)).status).toBe(202);
});
