import { PilegateError } from '#shared/errors.ts';
import type { PriceBounds } from '#shared/tariff/schedule.ts';
import { priceComplaints } from '#shared/tariff/schedule-complaints.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { touchStations } from '../partners/terms/touch-stations.ts';
import { storeTariff } from '../stations/store-tariff.ts';

/**
 * Stores a version of a tariff and puts it in force at the sites, for charges started from now on until further notice. It
 * takes the place of everything that holds for the whole site; what names a connector stays.
 *
 * @param bounds what its prices must lie between; null: nobody has said
 * @throws PilegateError `request.invalid` with what is out of bounds, `tariff.version_exists`, or `station.unknown`
 */
export async function putTariffInForce(
  context: Pick<CloudContext, 'db' | 'clock'>,
  siteIds: readonly string[],
  tariff: Tariff,
  bounds: PriceBounds | null = null,
): Promise<void> {
  const complaints = bounds === null ? [] : priceComplaints(tariff, bounds, 'tariff');
  if (complaints.length > 0) throw new PilegateError('request.invalid', 'prices are out of bounds', { complaints });
  await transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    await storeTariff(trx, tariff, nowMs);
    const known = await trx.selectFrom('sites').select('site_id').where('site_id', 'in', siteIds).execute();
    const unknown = siteIds.find((siteId) => known.every((site) => site.site_id !== siteId));
    if (unknown !== undefined) throw new PilegateError('station.unknown', `no site ${unknown}`);
    await touchStations(trx, siteIds, nowMs);
    for (const siteId of new Set(siteIds)) {
      await trx
        .updateTable('site_tariffs')
        .set({ replaced_at_ms: nowMs, updated_at_ms: nowMs })
        .where('site_id', '=', siteId)
        .where('connector_ids', 'is', null)
        .where('replaced_at_ms', 'is', null)
        .execute();
      await trx
        .insertInto('site_tariffs')
        .values({
          site_id: siteId,
          tariff_id: tariff.tariffId,
          version: tariff.version,
          in_force_from_ms: nowMs,
          updated_at_ms: nowMs,
        })
        .execute();
    }
  });
}
