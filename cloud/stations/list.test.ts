import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transaction } from '../db/transaction.ts';
import { touchStations } from '../partners/terms/touch-stations.ts';
import { exampleTariff, type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'list', connectors: 3 });
  clock.advance(2_000);
});
afterAll(() => cloud?.stop());

/** After that, and what a background job takes, a change is settled. */
const JUST_MS = 2_000;

const get = (path: string, headers: Record<string, string> = {}) =>
  stage.partner.call('GET', path, undefined, { headers });
const touch = (siteId: string) => transaction(cloud.context.db, (trx) => touchStations(trx, [siteId], clock.wallMs()));
const idsOf = (rows: Record<string, string>[], field: string) => rows.map((row) => row[field]);

describe('OP-10 what is known of stations', () => {
  test('stations, piles, connectors and prices come in pages, and each of them by its name', async () => {
    const stations = (await get('/v1/stations?limit=1')).body;
    expect(stations).toMatchObject({
      stations: [
        {
          site_id: stage.siteId,
          online: false,
          withdrawn_at: null,
          connector_count: 3,
          updated_at: expect.stringMatching(/Z$/),
          tariff: { tariff_id: 'example', bands: [{ name: 'night', start_minute: 0 }, {}, {}] },
        },
      ],
      has_more: false,
    });
    const next = await get(`/v1/stations?limit=1&cursor=${stations.next_cursor}`);
    expect(next.body).toEqual({ stations: [], next_cursor: stations.next_cursor, has_more: false });

    const [connectorId = ''] = stage.connectorIds;
    const { connectors } = (await get('/v1/connectors')).body;
    expect(idsOf(connectors, 'connector_id')).toEqual(stage.connectorIds);
    expect(connectors[0]).toEqual({
      connector_id: connectorId,
      site_id: stage.siteId,
      pile_id: `${connectorId}-pile`,
      model: 'sim',
      kind: null,
      max_power_w: 7_000,
      pile_code: connectorId,
      updated_at: stations.stations[0].updated_at,
      withdrawn_at: null,
      tariff: { tariff_id: 'example', version: 1 },
    });
    expect((await get(`/v1/connectors/${connectorId}`)).body).toMatchObject({
      ...connectors[0],
      tariff: { tariff_id: 'example', bands: [{}, {}, {}] },
      status: 'unknown',
      observed_at: null,
      freshness_s: null,
    });

    const { piles } = (await get('/v1/piles')).body;
    expect(idsOf(piles, 'pile_id')).toEqual(stage.connectorIds.map((id) => `${id}-pile`));
    const pile = (await get(`/v1/stations/${stage.siteId}/piles/${connectorId}-pile`)).body;
    expect(pile).toEqual(piles[0]);
    expect(pile.connectors).toEqual([
      { connector_id: connectorId, kind: null, max_power_w: 7_000, withdrawn_at: null },
    ]);
    expect((await get(`/v1/stations/${stage.siteId}/piles/none`)).body.code).toBe('pile.unknown');

    expect((await get('/v1/price-lists')).body.price_lists).toMatchObject([
      {
        site_id: stage.siteId,
        own: false,
        replaced_at: null,
        entries: [{ connector_ids: null, tariff: { version: 1 } }],
      },
    ]);
    expect((await get('/v1/tariffs/example/versions/1')).body).toEqual(stations.stations[0].tariff);
    expect((await get('/v1/tariffs/example/versions/2')).body.code).toBe('tariff.unknown');
  });

  test('each answer has an ETag of its content; who names it gets nothing again, until something changes', async () => {
    const [connectorId = ''] = stage.connectorIds;
    const paths = [
      '/v1/stations',
      `/v1/stations/${stage.siteId}`,
      '/v1/piles',
      `/v1/stations/${stage.siteId}/piles/${connectorId}-pile`,
      '/v1/connectors',
      `/v1/connectors/${connectorId}`,
      '/v1/price-lists',
      '/v1/tariffs/example/versions/1',
      '/v1/connector-status',
      '/v1/maintenance-windows',
    ];
    for (const path of paths) {
      const first = await get(path);
      const etag = String(first.headers.etag);
      expect([path, first.status, etag]).toEqual([path, 200, expect.stringMatching(/^"[0-9a-f]{32}"$/)]);
      expect(first.headers['cache-control']).toMatch(/^private, (no-cache|no-store|max-age=86400, immutable)$/);
      for (const named of [etag, `"other", W/${etag}`, '*']) {
        const again = await get(path, { 'if-none-match': named });
        expect([path, again.status, again.body, again.headers.etag]).toEqual([path, 304, null, etag]);
        expect(again.headers['content-type']).toBeUndefined();
      }
      expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200);
    }
    const { etag } = (await get('/v1/connectors')).headers;
    await touch(stage.siteId);
    clock.advance(2_000);
    expect((await get('/v1/connectors', { 'if-none-match': String(etag) })).status).toBe(200);
    expect((await get('/v1/stations/none', { 'if-none-match': '*' })).status).toBe(404);
  });

  test('a tariff that is put later is a change of its station, its connectors and its price list', async () => {
    clock.advance(10_000);
    const from = new Date(clock.wallMs()).toISOString();
    const changes = async (what: string) =>
      (await get(`/v1/${what}?updated_from=${encodeURIComponent(from)}`)).body[what.replaceAll('-', '_')];
    for (const what of ['stations', 'piles', 'connectors', 'price-lists']) expect(await changes(what)).toEqual([]);
    await staffPost(cloud.app, cloud.staffToken, '/staff/v1/tariffs', {
      site_ids: [stage.siteId],
      tariff: { ...exampleTariff, version: 2 },
    });
    clock.advance(2_000);
    expect(await changes('stations')).toMatchObject([{ site_id: stage.siteId, tariff: { version: 2 } }]);
    expect(await changes('connectors')).toHaveLength(3);
    expect(await changes('piles')).toHaveLength(3);
    expect(await changes('price-lists')).toMatchObject([
      { replaced_at: from, entries: [{ tariff: { version: 1 } }] },
      { replaced_at: null, entries: [{ tariff: { version: 2 } }] },
    ]);
  });

  test('the filters narrow, and a cursor that was not given is refused', async () => {
    const other = await setTheStage(cloud, { name: 'list-other' });
    clock.advance(2_000);
    await cloud.context.db
      .updateTable('connectors')
      .set({ kind: 'dc' })
      .where('connector_id', '=', other.connectorIds[0] ?? '')
      .execute();
    const connectors = async (query: string) =>
      idsOf((await get(`/v1/connectors?${query}`)).body.connectors, 'connector_id');
    expect(await connectors(`site_id=${other.siteId}`)).toEqual(other.connectorIds);
    expect(await connectors('kind=dc')).toEqual(other.connectorIds);
    expect(await connectors('kind=ac')).toEqual([]);
    expect((await get('/v1/piles?kind=dc')).body.piles).toHaveLength(1);
    expect((await get(`/v1/piles?site_id=${other.siteId}`)).body.piles).toHaveLength(1);
    expect((await get(`/v1/price-lists?site_id=${other.siteId}`)).body.price_lists).toHaveLength(1);
    const statuses = async (query: string) =>
      idsOf((await get(`/v1/connector-status?${query}`)).body.statuses, 'connector_id');
    const all = [...stage.connectorIds, ...other.connectorIds].sort();
    expect(await statuses('limit=500')).toEqual(all);
    expect(await statuses(`site_id=${other.siteId}`)).toEqual(other.connectorIds);
    expect(await statuses(`connector_id=${all[1]},${all[0]},nobody`)).toEqual(all.slice(0, 2));
    const first = (await get('/v1/connector-status?limit=3')).body;
    expect(first.next_after).toBe(all[2]);
    expect(await statuses(`limit=3&after=${first.next_after}`)).toEqual(all.slice(3));
    for (const path of ['/v1/stations?cursor=xx', '/v1/piles?cursor=WzEsIngiXQ', '/v1/connectors?limit=201'])
      expect((await get(path)).status).toBe(400);
  });

  test('following the cursor, while stations change in between, every change is seen, and twice only what had just happened', async () => {
    const sites = Array.from({ length: 6 }, (_, n) => `list-p${n}`);
    for (const name of sites) await setTheStage(cloud, { name });
    const siteIds = sites.map((name) => `site-${name}`);
    const step = fc.record({
      limit: fc.integer({ min: 1, max: 4 }),
      touched: fc.array(fc.nat(5), { maxLength: 3 }),
      waitMs: fc.constantFrom(0, 1, 700, 1_500),
    });
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      clock.advance(5_000);
      const start = new URLSearchParams({ updated_from: new Date(clock.wallMs()).toISOString() }).toString();
      let cursor = start;
      // When the reading of that page began.
      let sinceMs = clock.wallMs();
      let isOver = true;
      const seen: string[] = [];
      const shownAtMs = new Map<string, number>();
      const page = async (limit: number) => {
        if (isOver) sinceMs = clock.wallMs();
        const { body } = await get(`/v1/stations?limit=${limit}&${cursor}`);
        for (const one of body.stations) {
          const change = `${one.site_id}@${one.updated_at}`;
          if (seen.includes(change)) expect(shownAtMs.get(change)).toBeLessThan(Date.parse(one.updated_at) + JUST_MS);
          seen.push(change);
          shownAtMs.set(change, sinceMs);
        }
        cursor = body.next_cursor === null ? start : `cursor=${body.next_cursor}`;
        isOver = !body.has_more;
        return body.has_more;
      };
      for (const { limit, touched, waitMs } of steps) {
        for (const n of touched) await touch(siteIds[n] ?? '');
        await page(limit);
        clock.advance(waitMs);
      }
      clock.advance(5_000);
      while (await page(2));
      // What was ahead of the end of that reading is settled by now.
      while (await page(2));
      const count = seen.length;
      await page(4);
      expect(seen.length).toBe(count);
      // What somebody has who keeps the last that he saw of each is what there is.
      const kept = new Map(seen.map((one) => [one.split('@')[0], one]));
      const now = await cloud.context.db.selectFrom('sites').select(['site_id', 'updated_at_ms']).execute();
      const last = new Map(
        now.map((row) => [row.site_id, `${row.site_id}@${new Date(row.updated_at_ms).toISOString()}`]),
      );
      const touchedIds = new Set(steps.flatMap((one) => one.touched).map((n) => siteIds[n] ?? ''));
      for (const siteId of touchedIds) expect(kept.get(siteId)).toBe(last.get(siteId));
      expect(kept.size).toBe(touchedIds.size);
    });
    await fc.assert(property, { numRuns: 10 });
  });

  test('whatever changes while it is read, a reading to its end has every station', async () => {
    const { stations } = (await get('/v1/stations?limit=200')).body;
    const every = idsOf(stations, 'site_id').sort();
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 600, 5_000),
      fc.array(fc.array(fc.nat(every.length - 1), { maxLength: 3 }), { minLength: 1, maxLength: 12 }),
      async (limit, waitMs, touches) => {
        clock.advance(waitMs);
        const read = new Set<string>();
        let cursor = '';
        for (let page = 0; ; page += 1) {
          for (const n of touches[page] ?? []) await touch(every[n] ?? '');
          const { body } = await get(`/v1/stations?limit=${limit}${cursor}`);
          for (const siteId of idsOf(body.stations, 'site_id')) read.add(siteId ?? '');
          if (!body.has_more) break;
          cursor = `&cursor=${body.next_cursor}`;
        }
        expect([...read].sort()).toEqual(every);
      },
    );
    await fc.assert(property, { numRuns: 15 });
  });

  test('a reading that has just changed stations alone goes on through them, and the next begins with them again', async () => {
    const names = [0, 1, 2].map((n) => `list-new${n}`);
    const from = encodeURIComponent(new Date(clock.wallMs() + 5_000).toISOString());
    clock.advance(6_000);
    for (const name of names) await setTheStage(cloud, { name });
    const read = async () => {
      const pages: string[][] = [];
      let place = `updated_from=${from}`;
      for (;;) {
        const { body } = await get(`/v1/stations?limit=2&${place}`);
        pages.push(idsOf(body.stations, 'site_id').map(String).sort());
        if (!body.has_more) return { pages, next: body.next_cursor };
        place = `updated_from=${from}&cursor=${body.next_cursor}`;
      }
    };
    const early = await read();
    expect(early.pages.flat().sort()).toEqual(names.map((name) => `site-${name}`));
    expect(early.next).toBeNull();
    clock.advance(5_000);
    const late = await read();
    expect(late).toEqual({ pages: early.pages, next: expect.any(String) });
    expect((await get(`/v1/stations?cursor=${late.next}`)).body).toMatchObject({ stations: [], has_more: false });
    for (const wrong of ['', '.', `${late.next}.`, '.xx', 'xx.'])
      expect((await get(`/v1/stations?cursor=${wrong}`)).status).toBe(400);
  });
});
