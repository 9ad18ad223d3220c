import type { z } from 'zod';
import { faultCodes } from '#shared/faults.ts';
import type { Db } from '../db/connect.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { tariffView } from '../orders/tariff-view.ts';
import { ageMs, linkIsFresh, statusNow } from './freshness.ts';
import type { connectorSchema, stationSchema } from './schemas.ts';
import { type SiteTariffs, siteTariffs, tariffOf } from './tariff-in-force.ts';

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

function tariffViewAt(tariffs: SiteTariffs, connectorId: string | null, nowMs: number): ConnectorView['tariff'] {
  const found = tariffOf(tariffs, connectorId, nowMs);
  return found.ok ? tariffView(found.value) : null;
}

function connectorView(row: ConnectorWithState, tariffs: SiteTariffs, nowMs: number): ConnectorView {
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
    tariff: tariffViewAt(tariffs, row.connector_id, nowMs),
  };
}

/** One connector of the caller's environment, or null. */
export async function findConnector(
  db: Db,
  connectorId: string,
  environment: 'sandbox' | 'live',
  nowMs: number,
): Promise<ConnectorView | null> {
  const row = await connectorsWithState(db)
    .where('connectors.connector_id', '=', connectorId)
    .where('sites.environment', '=', environment)
    .executeTakeFirst();
  return row === undefined ? null : connectorView(row, await siteTariffs(db, row.site_id), nowMs);
}

export interface SiteRow {
  readonly site_id: string;
  readonly name: string;
  readonly environment: 'sandbox' | 'live';
  readonly timezone: string;
  readonly updated_at_ms: number;
}

/** A station with its connectors as they are known now. */
export async function stationView(db: Db, site: SiteRow, nowMs: number): Promise<z.infer<typeof stationSchema>> {
  const link = await db
    .selectFrom('site_links')
    .select(['online', 'heard_at_ms as heardAtMs'])
    .where('site_id', '=', site.site_id)
    .executeTakeFirst();
  const connectors = await connectorsWithState(db)
    .where('connectors.site_id', '=', site.site_id)
    .orderBy('connectors.connector_id')
    .execute();
  const tariffs = await siteTariffs(db, site.site_id);
  return {
    site_id: site.site_id,
    name: site.name,
    environment: site.environment,
    timezone: site.timezone,
    online: linkIsFresh(link ?? null, nowMs),
    updated_at: iso(site.updated_at_ms),
    tariff: tariffViewAt(tariffs, null, nowMs),
    connectors: connectors.map((row) => connectorView(row, tariffs, nowMs)),
  };
}
