import { type Tariff, tariffSchema } from '#shared/tariff/tariff.ts';
import type { Db } from '../db/connect.ts';
import type { Trx } from '../db/transaction.ts';

export interface TariffInForce {
  readonly document: Tariff;
  readonly inForceFromMs: number;
}

const parseTariff = (document: string): Tariff => tariffSchema.parse(JSON.parse(document));

/** The tariff that a charge started now at this site is billed by, or null: there is no default price. */
export async function tariffInForce(db: Db | Trx, siteId: string): Promise<TariffInForce | null> {
  const row = await db
    .selectFrom('site_tariffs')
    .innerJoin('tariffs', (join) =>
      join
        .onRef('tariffs.tariff_id', '=', 'site_tariffs.tariff_id')
        .onRef('tariffs.version', '=', 'site_tariffs.version'),
    )
    .select(['tariffs.document', 'site_tariffs.in_force_from_ms'])
    .where('site_tariffs.site_id', '=', siteId)
    .orderBy('site_tariffs.site_tariff_id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : { document: parseTariff(row.document), inForceFromMs: row.in_force_from_ms };
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
