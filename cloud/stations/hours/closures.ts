import { z } from 'zod';
import type { ErrorCode } from '#shared/errors.ts';
import type { Db } from '../../db/connect.ts';
import type { Trx } from '../../db/transaction.ts';
import { iso } from '../../http/iso.ts';
import { isOpenAt, type OpeningHours, openingHoursSchema } from './opening-hours.ts';
import type { maintenanceWindowSchema } from './schemas.ts';
import type { MaintenanceWindowRow } from './tables.ts';

export type Closure = Extract<ErrorCode, 'station.closed' | 'station.maintenance'>;
type WindowView = z.infer<typeof maintenanceWindowSchema>;

/** What has been announced of a station. */
export interface Announced {
  readonly timezone: string;
  /** Null: nobody has said, and it is always open. */
  readonly hours: OpeningHours | null;
  /** Those that are not over, the next one first. */
  readonly windows: readonly WindowView[];
}

export const windowView = (row: MaintenanceWindowRow): WindowView => ({
  window_id: row.window_id,
  site_id: row.site_id,
  connector_ids: row.connector_ids === null ? null : z.array(z.string()).parse(JSON.parse(row.connector_ids)),
  from: iso(row.from_ms),
  until: iso(row.until_ms),
  note: row.note,
  state: row.cancelled_at_ms === null ? 'planned' : 'cancelled',
  cancel_reason: row.cancel_reason,
  changed_at: iso(row.changed_at_ms),
});

/** The opening hours of some stations. */
export const hoursQuery = (db: Pick<Db | Trx, 'selectFrom'>, siteIds: readonly string[]) =>
  db
    .selectFrom('sites')
    .leftJoin('station_hours', 'station_hours.site_id', 'sites.site_id')
    .select(['sites.site_id', 'timezone', 'document'])
    .where('sites.site_id', 'in', siteIds);

/** The maintenance of some stations that is not over, the next one first. */
export const windowsQuery = (db: Pick<Db | Trx, 'selectFrom'>, siteIds: readonly string[], nowMs: number) =>
  db
    .selectFrom('maintenance_windows')
    .selectAll('maintenance_windows')
    .where('site_id', 'in', siteIds)
    .where('cancelled_at_ms', 'is', null)
    .where('until_ms', '>', nowMs)
    .orderBy('from_ms')
    .orderBy('window_id');

/** @param site of `hoursQuery` @param windows those of this site */
export const readAnnounced = (
  { timezone, document }: { readonly timezone: string; readonly document: string | null },
  windows: readonly MaintenanceWindowRow[],
): Announced => ({
  timezone,
  hours: document === null ? null : openingHoursSchema.parse(JSON.parse(document)),
  windows: windows.map(windowView),
});

/** What has been announced of some stations, in two queries. */
export async function announcedAt(
  db: Db | Trx,
  siteIds: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, Announced>> {
  if (siteIds.length === 0) return new Map();
  const sites = await hoursQuery(db, siteIds).execute();
  const windows = Map.groupBy(await windowsQuery(db, siteIds, nowMs).execute(), (row) => row.site_id);
  return new Map(sites.map((site) => [site.site_id, readAnnounced(site, windows.get(site.site_id) ?? [])]));
}

/** Why nothing is started at a connector at an instant, by what was announced; null: nothing stands against it. */
export function closureAt({ timezone, hours, windows }: Announced, connectorId: string, atMs: number): Closure | null {
  const isMaintained = windows.some(
    ({ from, until, connector_ids: only }) =>
      Date.parse(from) <= atMs && atMs < Date.parse(until) && (only === null || only.includes(connectorId)),
  );
  if (isMaintained) return 'station.maintenance';
  return hours === null || isOpenAt(hours, timezone, atMs) ? null : 'station.closed';
}
