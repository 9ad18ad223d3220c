import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Db } from '../db/connect.ts';
import type { Caller } from '../partners/caller.ts';
import { ownPricesQuery, readOwnPrices, tariffFor } from '../partners/terms/tariff-for.ts';
import { tariffsOfSites } from './tariff-in-force.ts';

/** The tariff that a partner pays at a connector now; with null, at the whole station. Null: none is in force. */
export type PriceAt = (siteId: string, connectorId: string | null) => Tariff | null;

/** The prices of many stations for one partner, in two queries. */
export async function pricesAt(db: Db, caller: Caller, siteIds: readonly string[], nowMs: number): Promise<PriceAt> {
  const [oneSite] = siteIds;
  const own = readOwnPrices(await ownPricesQuery(db, caller, siteIds.length === 1 ? oneSite : undefined).execute());
  const ofSite = await tariffsOfSites(db, siteIds);
  return (siteId, connectorId) => {
    const found = tariffFor(own, siteId, ofSite.get(siteId) ?? { tariffs: [] }, connectorId, nowMs);
    return found.ok ? found.value : null;
  };
}
