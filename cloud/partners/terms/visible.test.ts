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

/** Says which stations the partner may use, as staff do; with null, all of them. */
const setAccess = (siteIds: string[] | null, environment: 'sandbox' | 'live' = 'sandbox') => {
  const body = {
    environment,
    stations: siteIds === null ? 'all' : 'listed',
    site_ids: siteIds ?? [],
    reason: 'contract',
  };
  return staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${site.stage.partnerId}/access`, body);
};
const look = async (path: string) => {
  const { status, body } = await site.stage.partner.call('GET', path);
  return status === 200 ? status : `${status} ${body.code}`;
};
const stationIds = async () => {
  // What has just changed is in a list a second later.
  clock.advance(2_000);
  const { body } = await site.stage.partner.call('GET', '/v1/stations?limit=200');
  return body.stations.map((station: { site_id: string }) => station.site_id).sort();
};

test('OP-27 a station that is not listed for a partner does not exist for it: no look-up, list or start tells otherwise', async () => {
  const { siteId } = site.stage;
  const other = await setTheStage(cloud, { name: `${siteId}-other` });
  expect(await stationIds()).toEqual(expect.arrayContaining([siteId, other.siteId]));
  await setAccess([other.siteId]);
  expect(await stationIds()).toEqual([other.siteId]);
  expect(await look(`/v1/stations/${siteId}`)).toBe('404 station.unknown');
  expect(await look(`/v1/connectors/${site.connectorId()}`)).toBe('404 connector.unknown');
  const before = await site.countRows();
  expect(await site.start()).toMatchObject({ status: 404, body: { code: 'connector.unknown' } });
  expect(await site.countRows()).toEqual(before);
  await setAccess([siteId, other.siteId]);
  expect(await stationIds()).toEqual([siteId, other.siteId].sort());
  expect(await look(`/v1/connectors/${site.connectorId()}`)).toBe(200);
  expect((await site.start('r-2')).status).toBe(202);
});

test('OP-27 what is narrowed is one environment of one partner', async () => {
  await setAccess([], 'live');
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
  await setAccess([]);
  expect((await site.order(body.order_id)).state).toBe('charging');
  expect(await site.start()).toMatchObject({ status: 202, body: { order_id: body.order_id } });
  expect((await site.stop(body.order_id)).status).toBe(202);
});

test('OP-27 a station that is listed or withdrawn moves in the order of changes, and no other does', async () => {
  const { siteId } = site.stage;
  const changedAt = async (id: string) =>
    (
      await cloud.context.db
        .selectFrom('sites')
        .select('updated_at_ms')
        .where('site_id', '=', id)
        .executeTakeFirstOrThrow()
    ).updated_at_ms;
  const other = await setTheStage(cloud, { name: `${siteId}-other` });
  const [own, others] = [await changedAt(siteId), await changedAt(other.siteId)];
  await setAccess([other.siteId]);
  expect(await changedAt(other.siteId)).toBe(others);
  const withdrawn = await changedAt(siteId);
  expect(withdrawn).toBeGreaterThan(own);
  clock.advance(10);
  expect(await setAccess([other.siteId, siteId])).toMatchObject({
    stations: 'listed',
    site_ids: [other.siteId, siteId].sort(),
  });
  expect(await changedAt(siteId)).toBe(clock.wallMs());
  expect(await changedAt(other.siteId)).toBe(others);
});

test('OP-27 what is not a station of the environment cannot be listed, and nothing is changed then', async () => {
  const live = await setTheStage(cloud, { name: `${site.stage.siteId}-live`, environment: 'live' });
  await expect(setAccess([live.siteId])).rejects.toThrow('station.unknown');
  expect(await look(`/v1/stations/${site.stage.siteId}`)).toBe(200);
  const recorded = cloud.context.db.selectFrom('audit_log').select('detail').where('action', '=', 'partner.set_access');
  const ofPartner = recorded.where('subject_id', '=', site.stage.partnerId);
  expect(await ofPartner.execute()).toEqual([]);
  await setAccess([site.stage.siteId]);
  expect(await ofPartner.execute()).toMatchObject([{ detail: expect.stringContaining(site.stage.siteId) }]);
});
