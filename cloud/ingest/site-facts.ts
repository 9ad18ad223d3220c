import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Trx } from '../db/transaction.ts';
import { tariffVersion } from '../stations/tariff-in-force.ts';

/** What records of a site are compared with and never changed by; asked for once in a transaction, however many records ask. */
export interface SiteFacts {
  isOwnConnector(connectorId: string): Promise<boolean>;
  /** One stored version of a tariff, or null. */
  tariff(tariffId: string, version: number): Promise<Tariff | null>;
}

/** What is not there is looked for again the next time: it may have come meanwhile. */
export function siteFacts(trx: Trx, siteId: string): SiteFacts {
  const connectors = new Set<string>();
  const tariffs = new Map<string, Tariff>();
  return {
    async isOwnConnector(connectorId) {
      if (connectors.has(connectorId)) return true;
      const rows = await trx.selectFrom('connectors').select('connector_id').where('site_id', '=', siteId).execute();
      for (const row of rows) connectors.add(row.connector_id);
      return connectors.has(connectorId);
    },
    async tariff(tariffId, version) {
      const name = `${version} ${tariffId}`;
      const found = tariffs.get(name) ?? (await tariffVersion(trx, tariffId, version));
      if (found !== null) tariffs.set(name, found);
      return found;
    },
  };
}
