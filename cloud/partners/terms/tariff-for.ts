import { ok, type Result, refuse } from '#shared/result.ts';
import { type NoTariff, type TariffSchedule, tariffAt } from '#shared/tariff/schedule.ts';
import { type Tariff, tariffSchema } from '#shared/tariff/tariff.ts';
import type { Db } from '../../db/connect.ts';
import type { Trx } from '../../db/transaction.ts';
import { type SiteTariffs, tariffOf } from '../../stations/tariff-in-force.ts';
import type { Caller } from '../caller.ts';

/** What a partner pays in place of the prices of the stations. Its tariffs were checked when they were put. */
export interface OwnPrices {
  readonly ofSite: ReadonlyMap<string, Pick<TariffSchedule, 'tariffs'>>;
  readonly ofAll: Pick<TariffSchedule, 'tariffs'> | null;
}

/** Its own price would be in another currency than the station's. */
export type NoTariffFor = NoTariff | 'other-currency';

/** @param siteId only what can matter there; left out: all of the environment */
export const ownPricesQuery = (
  db: Pick<Db | Trx, 'selectFrom'>,
  { partnerId, environment }: Pick<Caller, 'partnerId' | 'environment'>,
  siteId?: string,
) =>
  db
    .selectFrom('partner_prices')
    .select(['site_id', 'document'])
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .where('replaced_at_ms', 'is', null)
    .$if(siteId !== undefined, (query) =>
      query.where((where) => where.or([where('site_id', 'is', null), where('site_id', '=', siteId ?? '')])),
    );

/** @param rows of `ownPricesQuery` */
export function readOwnPrices(
  rows: readonly { readonly site_id: string | null; readonly document: string }[],
): OwnPrices {
  const ofSite = new Map<string, OwnPrices['ofAll'] & object>();
  let ofAll: OwnPrices['ofAll'] = null;
  for (const row of rows) {
    const schedule = JSON.parse(row.document) as TariffSchedule;
    if (row.site_id === null) ofAll = schedule;
    else ofSite.set(row.site_id, schedule);
  }
  return { ofSite, ofAll };
}

/**
 * The tariff that a partner pays for a charge started at this instant: its own for the station, else its own for all stations, else the
 * station's; each only while it is in force. There is no default price.
 *
 * @param connectorId null: what holds for the whole station
 */
export function tariffFor(
  own: OwnPrices,
  siteId: string,
  site: SiteTariffs,
  connectorId: string | null,
  atMs: number,
): Result<Tariff, NoTariffFor> {
  const ofStation = tariffOf(site, connectorId, atMs);
  for (const schedule of [own.ofSite.get(siteId) ?? null, own.ofAll]) {
    const found = schedule === null ? null : tariffAt(schedule, connectorId, atMs);
    if (found?.ok !== true) continue;
    const tariff = tariffSchema.parse(found.value);
    const differs = ofStation.ok && ofStation.value.currency !== tariff.currency;
    return differs ? refuse('other-currency') : ok(tariff);
  }
  return ofStation;
}
