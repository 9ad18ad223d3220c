import { type RawBuilder, sql } from 'kysely';
import type { z } from 'zod';
import { faultCodes } from '#shared/faults.ts';
import type { Db } from '../db/connect.ts';
import { settledBeforeMs } from '../db/settled.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { tariffView } from '../orders/tariff-view.ts';
import type { Caller } from '../partners/caller.ts';
import { changedIn, pageOfReading, type ReadingPage, type ReadingRange } from './changes.ts';
import { ageMs, linkIsFresh, statusNow } from './freshness.ts';
import { type Announced, announcedAt, closureAt } from './hours/closures.ts';
import { type PriceAt, pricesAt } from './prices.ts';
import type {
  connectorFactsSchema,
  connectorSchema,
  connectorStatusSchema,
  stationFactsSchema,
  stationSchema,
} from './schemas.ts';
import type { ConnectorKind } from './tables.ts';
import { type ConnectorRow, usableConnectors, usableStations } from './usable.ts';

type Facts = z.infer<typeof connectorFactsSchema>;

/** What of a connector does not change by itself. */
function facts(row: ConnectorRow): Omit<Facts, 'tariff'> {
  return {
    connector_id: row.connector_id,
    site_id: row.site_id,
    pile_id: row.pile_id,
    model: row.model,
    kind: row.kind,
    max_power_w: row.max_power_w,
    pile_code: row.code,
    updated_at: iso(row.changed_at_ms),
    withdrawn_at: isoOrNull(row.withdrawn_at_ms),
  };
}

/** What is known of a connector's state. What was measured is shown only as long as it says something about the present. */
export function statusView(row: ConnectorRow, nowMs: number): z.infer<typeof connectorStatusSchema> {
  const { status, observation_age_ms: observationAgeMs, received_at_ms: receivedAtMs } = row;
  const state =
    status === null || observationAgeMs === null || receivedAtMs === null
      ? null
      : { status, observationAgeMs, receivedAtMs };
  const now = statusNow(state, nowMs);
  const fresh = now !== 'unknown';
  const faults = row.faults === null ? [] : (JSON.parse(row.faults) as string[]);
  return {
    connector_id: row.connector_id,
    site_id: row.site_id,
    pile_id: row.pile_id,
    status: now,
    plugged: fresh ? row.plugged : null,
    power_w: fresh ? row.power_w : null,
    current_ma: fresh ? row.current_ma : null,
    temperature_c: fresh ? row.temperature_c : null,
    faults: fresh ? faultCodes.filter((code) => faults.includes(code)) : [],
    observed_at: isoOrNull(row.observed_at_ms),
    received_at: isoOrNull(row.received_at_ms),
    freshness_s: state === null ? null : ageMs(state, nowMs) / 1000,
  };
}

/** What has been announced of stations, by their ids. */
type AnnouncedOf = ReadonlyMap<string, Announced>;

function connectorView(
  row: ConnectorRow,
  priceAt: PriceAt,
  announced: AnnouncedOf,
  nowMs: number,
): z.infer<typeof connectorSchema> {
  const tariff = priceAt(row.site_id, row.connector_id);
  const ofSite = announced.get(row.site_id);
  const closedBy = ofSite === undefined ? null : closureAt(ofSite, row.connector_id, nowMs);
  return {
    ...facts(row),
    ...statusView(row, nowMs),
    closed_by: closedBy,
    tariff: tariff === null ? null : tariffView(tariff),
  };
}

/** One connector that the caller may use, or null. */
export async function findConnector(db: Db, connectorId: string, caller: Caller, nowMs: number) {
  const row = await usableConnectors(db, caller).where('connectors.connector_id', '=', connectorId).executeTakeFirst();
  if (row === undefined) return null;
  const priceAt = await pricesAt(db, caller, [row.site_id], nowMs);
  return connectorView(row, priceAt, await announcedAt(db, [row.site_id], nowMs), nowMs);
}

const stationRows = (db: Db, caller: Caller) =>
  usableStations(db, caller)
    .leftJoin('site_links as link', 'link.site_id', 'station.site_id')
    .selectAll('station')
    .select(['link.online', 'link.heard_at_ms'])
    .select(({ selectFrom, fn }) => [
      selectFrom('connectors')
        .whereRef('connectors.site_id', '=', 'station.site_id')
        .where('connectors.withdrawn_at_ms', 'is', null)
        .select(fn.countAll<number>().as('n'))
        .as('connector_count'),
    ]);
type StationRow = Awaited<ReturnType<ReturnType<typeof stationRows>['executeTakeFirstOrThrow']>>;

function stationFacts(
  row: StationRow,
  priceAt: PriceAt,
  announced: AnnouncedOf,
  nowMs: number,
): z.infer<typeof stationFactsSchema> {
  const tariff = priceAt(row.site_id, null);
  const { hours = null, windows = [] } = announced.get(row.site_id) ?? {};
  return {
    site_id: row.site_id,
    name: row.name,
    environment: row.environment,
    timezone: row.timezone,
    online: linkIsFresh(row.online === null ? null : { online: row.online, heardAtMs: row.heard_at_ms }, nowMs),
    updated_at: iso(row.changed_at_ms),
    withdrawn_at: isoOrNull(row.withdrawn_at_ms),
    withdrawn_reason: row.withdrawn_reason,
    opening_hours: hours,
    maintenance: [...windows],
    connector_count: row.connector_count ?? 0,
    tariff: tariff === null ? null : tariffView(tariff),
  };
}

/** A station that the caller may use, without its connectors; or null. */
export async function findStationFacts(db: Db, siteId: string, caller: Caller, nowMs: number) {
  const row = await stationRows(db, caller).where('station.site_id', '=', siteId).executeTakeFirst();
  if (row === undefined) return null;
  return stationFacts(row, await pricesAt(db, caller, [siteId], nowMs), await announcedAt(db, [siteId], nowMs), nowMs);
}

/** A station that the caller may use, with its connectors as they are known now; or null. */
export async function findStation(
  db: Db,
  siteId: string,
  caller: Caller,
  nowMs: number,
): Promise<z.infer<typeof stationSchema> | null> {
  const row = await stationRows(db, caller).where('station.site_id', '=', siteId).executeTakeFirst();
  if (row === undefined) return null;
  const connectors = await usableConnectors(db, caller)
    .where('connectors.site_id', '=', siteId)
    .orderBy('connectors.connector_id')
    .execute();
  const priceAt = await pricesAt(db, caller, [siteId], nowMs);
  const announced = await announcedAt(db, [siteId], nowMs);
  return {
    ...stationFacts(row, priceAt, announced, nowMs),
    connectors: connectors.map((one) => connectorView(one, priceAt, announced, nowMs)),
  };
}

const stationChanged: RawBuilder<number> = sql<number>`station.changed_at_ms`;

/** One page of the stations that the caller may use, oldest change first. */
export async function listStations(
  db: Db,
  caller: Caller,
  range: ReadingRange,
  nowMs: number,
): Promise<ReadingPage<z.infer<typeof stationFactsSchema>>> {
  const settledMs = await settledBeforeMs(db, nowMs);
  const found = await stationRows(db, caller)
    .where(changedIn(range, { at: stationChanged, id: sql`station.site_id` }))
    .orderBy('station.changed_at_ms')
    .orderBy('station.site_id')
    .limit(range.limit + 1)
    .execute();
  const page = pageOfReading(found, range, settledMs, (row) => ({ atMs: row.changed_at_ms, id: row.site_id }));
  const siteIds = page.rows.map((row) => row.site_id);
  const priceAt = await pricesAt(db, caller, siteIds, nowMs);
  const announced = await announcedAt(db, siteIds, nowMs);
  return { ...page, rows: page.rows.map((row) => stationFacts(row, priceAt, announced, nowMs)) };
}

export interface ConnectorFilter {
  readonly siteId: string | null;
  readonly kind: ConnectorKind | null;
}

/** One page of their connectors; each changes with its station. */
export async function listConnectors(
  db: Db,
  caller: Caller,
  filter: ConnectorFilter,
  range: ReadingRange,
  nowMs: number,
): Promise<ReadingPage<Facts>> {
  const settledMs = await settledBeforeMs(db, nowMs);
  const found = await usableConnectors(db, caller)
    .where(changedIn(range, { at: stationChanged, id: sql`connectors.connector_id` }))
    .$if(filter.siteId !== null, (query) => query.where('connectors.site_id', '=', filter.siteId ?? ''))
    .$if(filter.kind !== null, (query) => query.where('connectors.kind', '=', filter.kind))
    .orderBy('station.changed_at_ms')
    .orderBy('connectors.connector_id')
    .limit(range.limit + 1)
    .execute();
  const page = pageOfReading(found, range, settledMs, (row) => ({ atMs: row.changed_at_ms, id: row.connector_id }));
  const priceAt = await pricesAt(db, caller, [...new Set(page.rows.map((row) => row.site_id))], nowMs);
  return {
    ...page,
    rows: page.rows.map((row) => {
      const tariff = priceAt(row.site_id, row.connector_id);
      const named = tariff === null ? null : { tariff_id: tariff.tariffId, version: tariff.version };
      return { ...facts(row), tariff: named };
    }),
  };
}
