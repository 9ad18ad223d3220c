import { describe, expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites(
  'of',
  clock,
  (onCloud, onSite) => {
    cloud = onCloud;
    site = onSite;
  },
  { publicUrl: 'https://charge.example', operatorId: '395815801' },
);

const get = (path: string) => site.stage.partner.call('GET', path);
const scan = (content: string) => get(`/v1/pile-codes?content=${encodeURIComponent(content)}`);
const asStaff = async (method: 'GET' | 'POST', path: string, body?: object) => {
  const response = await cloud.app.inject({
    method,
    url: `/staff/v1${path}`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    ...(body && { payload: JSON.stringify(body) }),
  });
  return { status: response.statusCode, body: response.body === '' ? null : response.json() };
};
const setCode = (connectorId: string, code: string) =>
  asStaff('POST', `/connectors/${connectorId}/pile-code`, { pile_code: code, requested_by: 'Li Na' });

const done = async (path: string, body: object) =>
  expect([path, (await asStaff('POST', path, body)).status]).toEqual([path, 204]);

describe('OP-10 the code on the pile', () => {
  test('resolves to the connector with its status and tariff, its pile and its station, however it was scanned', async () => {
    const id = site.connectorId();
    const { status, body } = await get(`/v1/pile-codes/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      code: id,
      connector: { connector_id: id, status: 'plugged', pile_code: id, tariff: { tariff_id: 'example' } },
      pile: { pile_id: `${id}-pile`, connectors: [{ connector_id: id }] },
      station: { site_id: site.stage.siteId, online: true },
    });
    for (const content of [id, `https://charge.example/q/${id}`, `hlht://${id}.395815801/`])
      expect((await scan(content)).body.connector.connector_id).toBe(id);
    for (const content of [`https://other.example/q/${id}`, `hlht://${id}.328096210/`, 'nobody'])
      expect([(await scan(content)).status, (await scan(content)).body.code]).toEqual([404, 'pile_code.unknown']);
  });

  test('staff give another one: the one before resolves no longer, is nobody else’s, and can be given back', async () => {
    const [id, other] = [site.connectorId(0), site.connectorId(1)];
    const code = `${id}-NEW`;
    expect((await setCode(id, code)).status).toBe(204);
    expect((await get(`/v1/pile-codes/${code}`)).body.connector).toMatchObject({ connector_id: id, pile_code: code });
    expect((await get(`/v1/pile-codes/${id}`)).body.code).toBe('pile_code.unknown');
    for (const taken of [code, id])
      expect((await setCode(other, taken)).body).toMatchObject({ code: 'resource.exists' });
    expect((await setCode(id, code)).status).toBe(204);
    expect((await setCode(id, id)).status).toBe(204);
    expect((await get(`/v1/pile-codes/${id}`)).body.connector.connector_id).toBe(id);
    expect((await setCode('nobody', 'x')).body.code).toBe('connector.unknown');
    expect((await setCode(id, 'a b')).status).toBe(400);
  });

  test('of two connectors that are given one code at the same time, one gets it', async () => {
    const answers = await Promise.all([setCode(site.connectorId(0), 'ONE'), setCode(site.connectorId(1), 'ONE')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
    const { connectors } = (await get(`/v1/stations/${site.stage.siteId}`)).body;
    const codes = connectors.map((one: { pile_code: string }) => one.pile_code).sort();
    expect(codes).toEqual(['ONE', expect.stringContaining(site.connectorId(0).slice(0, -1))]);
  });

  test('OP-27 another partner’s station has none', async () => {
    const live = await setTheStage(cloud, { name: `${site.stage.siteId}-live`, environment: 'live' });
    expect((await get(`/v1/pile-codes/${live.connectorIds[0]}`)).status).toBe(404);
  });
});

describe('OP-10 what is withdrawn', () => {
  test('stays in the lists as such, begins no charge, and is there again when it is offered again', async () => {
    const { siteId } = site.stage;
    const id = site.connectorId();
    clock.advance(2_000);
    await site.plugIn();
    let cursor = (await get('/v1/connectors')).body.next_cursor;
    const changes = async () => {
      clock.advance(2_000);
      const { body } = await get(`/v1/connectors?cursor=${cursor}`);
      cursor = body.next_cursor;
      return body.connectors.map((one: { connector_id: string; withdrawn_at: string | null }) => [
        one.connector_id,
        one.withdrawn_at !== null,
      ]);
    };
    expect(await changes()).toEqual([]);
    await done(`/connectors/${id}/withdraw`, { reason: 'dug up' });
    expect(await changes()).toEqual([
      [id, true],
      [site.connectorId(1), false],
    ]);
    expect(await site.start()).toMatchObject({ status: 409, body: { code: 'connector.disabled' } });
    expect((await get(`/v1/stations/${siteId}/piles/${id}-pile`)).body.withdrawn_at).not.toBeNull();
    expect((await get(`/v1/stations/${siteId}`)).body).toMatchObject({ connector_count: 1, withdrawn_at: null });
    await done(`/connectors/${id}/restore`, { reason: 'put back' });
    expect(await changes()).toHaveLength(2);
    expect((await site.start('r-2')).status).toBe(202);

    await done(`/sites/${siteId}/withdraw`, { reason: 'the lease is over' });
    expect((await get(`/v1/stations/${siteId}`)).body).toMatchObject({ withdrawn_reason: 'the lease is over' });
    expect(await changes()).toEqual([
      [id, true],
      [site.connectorId(1), true],
    ]);
    expect((await site.start('r-3', site.connectorId(1))).body.code).toBe('connector.disabled');
    await done(`/sites/${siteId}/restore`, { reason: 'a new lease' });
    expect((await get(`/v1/stations/${siteId}`)).body).toMatchObject({ withdrawn_at: null, withdrawn_reason: null });
  });
});

describe('XC-01 staff see the sites', () => {
  test('in pages, with how their links stand, and one with its connectors', async () => {
    const { siteId } = site.stage;
    const seen: string[] = [];
    let after = '';
    do {
      const { status, body } = await asStaff('GET', `/sites?limit=2${after}`);
      expect(status).toBe(200);
      seen.push(...body.sites.map((one: { site_id: string }) => one.site_id));
      after = body.next_after === null ? '' : `&after=${body.next_after}`;
    } while (after !== '');
    const known = await cloud.context.db.selectFrom('sites').select('site_id').orderBy('site_id').execute();
    expect(seen).toEqual(known.map((row) => row.site_id));
    const live = await asStaff('GET', '/sites?environment=live');
    expect(live.body.sites.every((one: { environment: string }) => one.environment === 'live')).toBe(true);
    const one = await asStaff('GET', `/sites/${siteId}`);
    expect(one.body).toMatchObject({
      site_id: siteId,
      online: true,
      heard_at: expect.stringMatching(/Z$/),
      connector_count: 2,
      connectors: [{ connector_id: site.connectorId(0), status: 'plugged' }, { status: 'unknown' }],
    });
    expect((await asStaff('GET', '/sites/nowhere')).body.code).toBe('station.unknown');
  });
});
