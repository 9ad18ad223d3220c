import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256Hex } from '../canonical-json.ts';
import type { Db } from '../db/connect.ts';
import type { Caller } from '../partners/caller.ts';
import { exampleTariff } from '../testing/fixtures.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import type { ReadingRange } from './changes.ts';
import { listPiles } from './piles.ts';
import { listStatus } from './status.ts';
import { listPrices } from './tariff-list.ts';
import { listConnectors, listStations } from './view.ts';

const SITES = 60;
const PER_SITE = 50;
const NOW_MS = 1_790_000_000_000;
const caller: Caller = { partnerId: 'p', keyId: 'k', familyId: 'k', environment: 'live', scopes: ['read'] };
let db: Db;
let queries = 0;

/** Hears of every query. */
const counting: KyselyPlugin = {
  transformQuery({ node }) {
    queries += 1;
    return node;
  },
  transformResult: ({ result }) => Promise.resolve(result),
};

beforeAll(async () => {
  db = await openTestDatabase();
  const sites = Array.from({ length: SITES }, (_, n) => `site-${String(n).padStart(3, '0')}`);
  const times = { created_at_ms: NOW_MS - 60_000, updated_at_ms: NOW_MS - 60_000 };
  const place = { environment: 'live', timezone: 'Asia/Shanghai', shard: 0 } as const;
  await db
    .insertInto('sites')
    .values(sites.map((site_id) => ({ site_id, name: site_id, ...place, ...times })))
    .execute();
  const connectors = sites.flatMap((site_id) =>
    Array.from({ length: PER_SITE }, (_, n) => ({ connector_id: `${site_id}-${n}`, site_id, pile_id: `P${n}` })),
  );
  await db
    .insertInto('connectors')
    .values(connectors.map((one) => ({ ...one, model: 'sim', max_power_w: 7_000 })))
    .execute();
  const codes = connectors.map(({ connector_id }) => ({ code: connector_id, connector_id, set_by: 'x', set_at_ms: 0 }));
  await db.insertInto('pile_codes').values(codes).execute();
  const document = JSON.stringify(exampleTariff);
  await db
    .insertInto('tariffs')
    .values({ tariff_id: 'example', version: 1, document, document_sha256: sha256Hex(document), created_at_ms: 0 })
    .execute();
  await db
    .insertInto('site_tariffs')
    .values(sites.map((site_id) => ({ site_id, tariff_id: 'example', version: 1, in_force_from_ms: 0 })))
    .execute();
});
afterAll(() => db?.destroy());

test('OP-10 OP-11 a page costs as many queries as one row, among 3,000 connectors', async () => {
  const counted = db.withPlugin(counting);
  const range = (limit: number) => ({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, after: null, ahead: null, limit });
  const everything = { siteId: null, kind: null };
  const lists: Record<string, (limit: number) => Promise<number>> = {
    stations: async (limit) => (await listStations(counted, caller, range(limit), NOW_MS)).rows.length,
    piles: async (limit) => (await listPiles(counted, caller, everything, range(limit), NOW_MS)).rows.length,
    connectors: async (limit) => (await listConnectors(counted, caller, everything, range(limit), NOW_MS)).rows.length,
    prices: async (limit) => (await listPrices(counted, caller, null, range(limit), NOW_MS)).rows.length,
    statuses: async (limit) => {
      const wish = { siteId: null, connectorIds: null, after: null, limit };
      return (await listStatus(counted, caller, wish, NOW_MS)).statuses.length;
    },
  };
  const told: Record<string, number> = {};
  for (const [name, list] of Object.entries(lists)) {
    queries = 0;
    expect(await list(1)).toBe(1);
    const ofOne = queries;
    queries = 0;
    expect(await list(200)).toBe(['stations', 'prices'].includes(name) ? SITES : 200);
    expect([name, queries]).toEqual([name, ofOne]);
    told[name] = queries;
  }
  expect(Math.max(...Object.values(told))).toBeLessThanOrEqual(7);
});

test('OP-10 all 3,000 connectors are found by their pages, in order, each once', async () => {
  const seen: string[] = [];
  let place: Pick<ReadingRange, 'after' | 'ahead'> = { after: null, ahead: null };
  for (let page = 0; page < 40; page += 1) {
    const range = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, ...place, limit: 200 };
    const found = await listConnectors(db, caller, { siteId: null, kind: null }, range, NOW_MS);
    seen.push(...found.rows.map((row) => row.connector_id));
    place = found;
    if (!found.more) break;
  }
  expect([seen.length, new Set(seen).size]).toEqual([SITES * PER_SITE, SITES * PER_SITE]);
});
