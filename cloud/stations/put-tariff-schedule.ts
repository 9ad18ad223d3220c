import { fromMsOf, type TariffSchedule } from '#shared/tariff/schedule.ts';
import type { Trx } from '../db/transaction.ts';
import { storeTariff } from './store-tariff.ts';

/**
 * Puts a schedule of tariffs in force at a site, in place of everything that was. Charges that run keep theirs.
 *
 * @param schedule checked against the site's connectors
 * @throws PilegateError `tariff.version_exists`
 */
export async function putTariffSchedule(
  trx: Trx,
  siteId: string,
  schedule: TariffSchedule,
  nowMs: number,
): Promise<void> {
  await trx.updateTable('sites').set({ updated_at_ms: nowMs }).where('site_id', '=', siteId).execute();
  await trx
    .updateTable('site_tariffs')
    .set({ replaced_at_ms: nowMs })
    .where('site_id', '=', siteId)
    .where('replaced_at_ms', 'is', null)
    .execute();
  for (const entry of schedule.tariffs) {
    const { tariff, until, connectorIds } = entry;
    await storeTariff(trx, tariff, nowMs);
    await trx
      .insertInto('site_tariffs')
      .values({
        site_id: siteId,
        tariff_id: tariff.tariffId,
        version: tariff.version,
        in_force_from_ms: fromMsOf(entry),
        until_ms: until === null ? null : Date.parse(until),
        connector_ids: connectorIds === undefined ? null : JSON.stringify(connectorIds),
      })
      .execute();
  }
}
