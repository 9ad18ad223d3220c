import type { z } from 'zod';
import { faultCodes } from '#shared/faults.ts';
import type { Db } from '../db/connect.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { tariffView } from '../orders/tariff-view.ts';
import type { Caller } from '../partners/caller.ts';
import { type OwnPrices, ownPrices, tariffFor } from '../partners/terms/tariff-for.ts';
import { mayUse } from '../partners/terms/visible.ts';
import { ageMs, linkIsFresh, statusNow } from './freshness.ts';
import type { connectorSchema, stationSchema } from './schemas.ts';
import { siteTariffs } from './tariff-in-force.ts';

type ConnectorView = z.infer<typeof connectorSchema>;

const connectorsWithState = (db: Db) =>
  db
    .selectFrom('connectors')
    .innerJoin('sites', 'sites.site_id', 'connectors.site_id')
    .leftJoin('connector_states as state', 'state.connector_id', 'connectors.connector_id')
    .select([
      'connectors.connector_id',
      'connectors.site_id',
      'connectors.pile_id',
      'connectors.model',
      'connectors.max_power_w',
      'sites.environment',
      'state.status',
      'state.plugged',
      'state.power_w',
      'state.current_ma',
      'state.temperature_c',
      'state.faults',
      'state.observed_at_ms',
      'state.observation_age_ms',
      'state.received_at_ms',
    ]);
type ConnectorWithState = Awaited<ReturnType<ReturnType<typeof connectorsWithState>['executeTakeFirstOrThrow']>>;

/** What the caller pays at a connector now; with null, at the whole station. */
type PriceAt = (connectorId: string | null) => ConnectorView['tariff'];

async function pricesOf(db: Db, siteId: string, own: OwnPrices, nowMs: number): Promise<PriceAt> {
  const tariffs = await siteTariffs(db, siteId);
  return (connectorId) => {
    const found = tariffFor(own, siteId, tariffs, connectorId, nowMs);
    return found.ok ? tariffView(found.value) : null;
  };
}

function connectorView(row: ConnectorWithState, priceAt: PriceAt, nowMs: number): ConnectorView {
  const { status, observation_age_ms: observationAgeMs, received_at_ms: receivedAtMs } = row;
  const state =
    status === null || observationAgeMs === null || receivedAtMs === null
      ? null
      : { status, observationAgeMs, receivedAtMs };
  const now = statusNow(state, nowMs);
  // What was measured is shown only as long as it says something about the present.
  const fresh = now !== 'unknown';
  const faults = row.faults === null ? [] : (JSON.parse(row.faults) as string[]);
  return {
    connector_id: row.connector_id,
    site_id: row.site_id,
    pile_id: row.pile_id,
    model: row.model,
    max_power_w: row.max_power_w,
    status: now,
    plugged: fresh ? row.plugged : null,
    power_w: fresh ? row.power_w : null,
    current_ma: fresh ? row.current_ma : null,
    temperature_c: fresh ? row.temperature_c : null,
    faults: fresh ? faultCodes.filter((code) => faults.includes(code)) : [],
    observed_at: isoOrNull(row.observed_at_ms),
    received_at: isoOrNull(row.received_at_ms),
    freshness_s: state === null ? null : ageMs(state, nowMs) / 1000,
    tariff: priceAt(row.connector_id),
  };
}

/** One connector that the caller may use, or null. */
export async function findConnector(
  db: Db,
  connectorId: string,
  caller: Caller,
  nowMs: number,
): Promise<ConnectorView | null> {
  const row = await connectorsWithState(db)
    .where('connectors.connector_id', '=', connectorId)
    .where(mayUse(caller))
    .executeTakeFirst();
  if (row === undefined) return null;
  const own = await ownPrices(db, caller, row.site_id);
  return connectorView(row, await pricesOf(db, row.site_id, own, nowMs), nowMs);
}

export interface SiteRow {
  readonly site_id: string;
  readonly name: string;
  readonly environment: 'sandbox' | 'live';
  readonly timezone: string;
  readonly updated_at_ms: number;
}

/** A station with its connectors as they are known now, at the prices of one partner. */
export async function stationView(
  db: Db,
  site: SiteRow,
  own: OwnPrices,
  nowMs: number,
): Promise<z.infer<typeof stationSchema>> {
  const link = await db
    .selectFrom('site_links')
    .select(['online', 'heard_at_ms as heardAtMs'])
    .where('site_id', '=', site.site_id)
    .executeTakeFirst();
  const connectors = await connectorsWithState(db)
    .where('connectors.site_id', '=', site.site_id)
    .orderBy('connectors.connector_id')
    .execute();
  const priceAt = await pricesOf(db, site.site_id, own, nowMs);
  return {
    site_id: site.site_id,
    name: site.name,
    environment: site.environment,
    timezone: site.timezone,
    online: linkIsFresh(link ?? null, nowMs),
    updated_at: iso(site.updated_at_ms),
    tariff: priceAt(null),
    connectors: connectors.map((row) => connectorView(row, priceAt, nowMs)),
  };
}
