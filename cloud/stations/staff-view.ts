import { sql } from 'kysely';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { Db } from '../db/connect.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { linkIsFresh, statusNow } from './freshness.ts';
import { publicStatusSchema } from './schemas.ts';
import { connectorKinds } from './tables.ts';

const siteFields = {
  site_id: z.string(),
  name: z.string(),
  environment: z.enum(['sandbox', 'live']),
  timezone: z.string(),
  shard: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  revoked_at: z.iso.datetime().nullable().describe('nothing that comes under its name is taken'),
  withdrawn_at: z.iso.datetime().nullable(),
  withdrawn_reason: z.string().nullable(),
  connector_count: z.int(),
  online: z.boolean(),
  heard_at: z.iso.datetime().nullable().describe('last heartbeat'),
  hello_at: z.iso.datetime().nullable().describe('since when it is on this connection'),
  software: z.string().nullable(),
};
export const staffSiteSchema = z.object(siteFields).meta({ id: 'StaffSite' });

export const staffSiteWithConnectorsSchema = z
  .object({
    ...siteFields,
    connectors: z.array(
      z.object({
        connector_id: z.string(),
        pile_id: z.string(),
        model: z.string(),
        kind: z.enum(connectorKinds).nullable(),
        max_power_w: z.int(),
        pile_code: z.string().nullable(),
        withdrawn_at: z.iso.datetime().nullable(),
        status: publicStatusSchema,
        observed_at: z.iso.datetime().nullable(),
      }),
    ),
  })
  .meta({ id: 'StaffSiteWithConnectors' });

const siteRows = (db: Db) =>
  db
    .selectFrom('sites')
    .leftJoin('site_links as link', 'link.site_id', 'sites.site_id')
    .selectAll('sites')
    .select(['link.online', 'link.heard_at_ms', 'link.hello_at_ms', 'link.software'])
    .select(
      sql<number>`(select count(*) from connectors where connectors.site_id = sites.site_id)`.as('connector_count'),
    );
type SiteRow = Awaited<ReturnType<ReturnType<typeof siteRows>['executeTakeFirstOrThrow']>>;

const siteView = (row: SiteRow, nowMs: number): z.infer<typeof staffSiteSchema> => ({
  site_id: row.site_id,
  name: row.name,
  environment: row.environment,
  timezone: row.timezone,
  shard: row.shard,
  created_at: iso(row.created_at_ms),
  updated_at: iso(row.updated_at_ms),
  revoked_at: isoOrNull(row.revoked_at_ms),
  withdrawn_at: isoOrNull(row.withdrawn_at_ms),
  withdrawn_reason: row.withdrawn_reason,
  connector_count: Number(row.connector_count),
  online: linkIsFresh(row.online === null ? null : { online: row.online, heardAtMs: row.heard_at_ms }, nowMs),
  heard_at: isoOrNull(row.heard_at_ms),
  hello_at: isoOrNull(row.hello_at_ms),
  software: row.software,
});

export interface SitesWish {
  readonly after: string | null;
  readonly environment: 'sandbox' | 'live' | null;
  readonly limit: number;
}

/** Sites in the order of their names, with how their links stand. */
export async function listSites(db: Db, wish: SitesWish, nowMs: number) {
  const rows = await siteRows(db)
    .where('sites.site_id', '>', wish.after ?? '')
    .$if(wish.environment !== null, (query) => query.where('sites.environment', '=', wish.environment ?? 'live'))
    .orderBy('sites.site_id')
    .limit(wish.limit + 1)
    .execute();
  const page = rows.slice(0, wish.limit);
  const next = rows.length > wish.limit ? (page.at(-1)?.site_id ?? null) : null;
  return { sites: page.map((row) => siteView(row, nowMs)), next_after: next };
}

/** @throws PilegateError `station.unknown` */
export async function siteForStaff(
  db: Db,
  siteId: string,
  nowMs: number,
): Promise<z.infer<typeof staffSiteWithConnectorsSchema>> {
  const row = await siteRows(db).where('sites.site_id', '=', siteId).executeTakeFirst();
  if (row === undefined) throw new PilegateError('station.unknown', `no station ${siteId}`);
  const connectors = await db
    .selectFrom('connectors')
    .leftJoin('pile_codes', (join) =>
      join.onRef('pile_codes.connector_id', '=', 'connectors.connector_id').on('pile_codes.ended_at_ms', 'is', null),
    )
    .leftJoin('connector_states as state', 'state.connector_id', 'connectors.connector_id')
    .selectAll('connectors')
    .select([
      'pile_codes.code',
      'state.status',
      'state.observation_age_ms',
      'state.received_at_ms',
      'state.observed_at_ms',
    ])
    .where('connectors.site_id', '=', siteId)
    .orderBy('connectors.connector_id')
    .execute();
  return {
    ...siteView(row, nowMs),
    connectors: connectors.map((one) => {
      const { status, observation_age_ms: observationAgeMs, received_at_ms: receivedAtMs } = one;
      const isTold = status !== null && observationAgeMs !== null && receivedAtMs !== null;
      return {
        connector_id: one.connector_id,
        pile_id: one.pile_id,
        model: one.model,
        kind: one.kind,
        max_power_w: one.max_power_w,
        pile_code: one.code,
        withdrawn_at: isoOrNull(one.withdrawn_at_ms),
        status: statusNow(isTold ? { status, observationAgeMs, receivedAtMs } : null, nowMs),
        observed_at: isoOrNull(one.observed_at_ms),
      };
    }),
  };
}
