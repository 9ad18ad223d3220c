import { ok, type Result } from '#shared/result.ts';
import { type NoTariff, tariffAt } from '#shared/tariff/schedule.ts';
import { type Tariff, tariffSchema } from '#shared/tariff/tariff.ts';
import type { Db } from '../db/connect.ts';
import type { Trx } from '../db/transaction.ts';
import { iso, isoOrNull } from '../http/iso.ts';

/** A tariff as it is stored. */
export const parseTariff = (document: string): Tariff => tariffSchema.parse(JSON.parse(document));

/** The tariffs of a site with where and when they hold. Their documents are parsed when one is asked for. */
export interface SiteTariffs {
  readonly tariffs: readonly {
    readonly from: string;
    readonly until: string | null;
    readonly connectorIds?: readonly string[];
    readonly tariff: string;
  }[];
}

/** What is in force at some sites, or will be, for `readTariffs`. */
export const tariffsQuery = (db: Pick<Db | Trx, 'selectFrom'>, siteIds: readonly string[]) =>
  db
    .selectFrom('site_tariffs')
    .innerJoin('tariffs', (join) =>
      join
        .onRef('tariffs.tariff_id', '=', 'site_tariffs.tariff_id')
        .onRef('tariffs.version', '=', 'site_tariffs.version'),
    )
    .select(['site_tariffs.site_id', 'tariffs.document', 'in_force_from_ms', 'until_ms', 'connector_ids'])
    .where('site_tariffs.site_id', 'in', siteIds)
    .where('replaced_at_ms', 'is', null)
    .orderBy('site_tariffs.site_tariff_id');

type TariffRow = Awaited<ReturnType<ReturnType<typeof tariffsQuery>['execute']>>[number];

/** @param rows of one site */
export const readTariffs = (rows: readonly TariffRow[]): SiteTariffs => ({ tariffs: rows.map(scheduled) });

/** What is in force at a site, or will be. */
export const siteTariffs = async (db: Db | Trx, siteId: string): Promise<SiteTariffs> =>
  readTariffs(await tariffsQuery(db, [siteId]).execute());

/** The same of many sites, in one query. A site without any is not in it. */
export async function tariffsOfSites(
  db: Db | Trx,
  siteIds: readonly string[],
): Promise<ReadonlyMap<string, SiteTariffs>> {
  if (siteIds.length === 0) return new Map();
  const bySite = Map.groupBy(await tariffsQuery(db, siteIds).execute(), (row) => row.site_id);
  return new Map([...bySite].map(([siteId, own]) => [siteId, readTariffs(own)]));
}

const scheduled = (row: TariffRow): SiteTariffs['tariffs'][number] => ({
  from: iso(row.in_force_from_ms),
  until: isoOrNull(row.until_ms),
  ...(row.connector_ids !== null && { connectorIds: JSON.parse(row.connector_ids) as string[] }),
  tariff: row.document,
});

/**
 * The tariff that a charge started at this instant is billed by, or why there is none: there is no default price.
 *
 * @param connectorId null: what holds for the whole site
 */
export function tariffOf(site: SiteTariffs, connectorId: string | null, atMs: number): Result<Tariff, NoTariff> {
  const found = tariffAt(site, connectorId, atMs);
  return found.ok ? ok(parseTariff(found.value)) : found;
}

/** One stored version of a tariff, or null. */
export async function tariffVersion(db: Db | Trx, tariffId: string, version: number): Promise<Tariff | null> {
  const row = await db
    .selectFrom('tariffs')
    .select('document')
    .where('tariff_id', '=', tariffId)
    .where('version', '=', version)
    .executeTakeFirst();
  return row === undefined ? null : parseTariff(row.document);
}
