import { sql } from 'kysely';
import { fromMsOf, type TariffSchedule } from '#shared/tariff/schedule.ts';
import type { Trx } from '../db/transaction.ts';
import { touchStations } from '../partners/terms/touch-stations.ts';
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
  await touchStations(trx, [siteId], nowMs);
  await endThoseInForce(trx, siteId, nowMs);
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
        updated_at_ms: nowMs,
      })
      .execute();
  }
}

/**
 * Puts back in force what a schedule has taken the place of: the site has not taken it. What was put since stays.
 *
 * @param putAtMs when the schedule was put
 */
export async function putTariffsBack(trx: Trx, siteId: string, putAtMs: number, nowMs: number): Promise<void> {
  await touchStations(trx, [siteId], nowMs);
  const since = await trx
    .selectFrom('site_tariffs')
    .select('tariff_id')
    .where('site_id', '=', siteId)
    .where('replaced_at_ms', '>', putAtMs)
    .executeTakeFirst();
  if (since !== undefined) return;
  await endThoseInForce(trx, siteId, nowMs);
  await sql`insert into site_tariffs (site_id, tariff_id, version, in_force_from_ms, until_ms, connector_ids, updated_at_ms)
    select site_id, tariff_id, version, in_force_from_ms, until_ms, connector_ids, ${nowMs}::bigint from site_tariffs
    where site_id = ${siteId} and replaced_at_ms = ${putAtMs} order by site_tariff_id`.execute(trx);
}

const endThoseInForce = (trx: Trx, siteId: string, nowMs: number) =>
  trx
    .updateTable('site_tariffs')
    .set({ replaced_at_ms: nowMs, updated_at_ms: nowMs })
    .where('site_id', '=', siteId)
    .where('replaced_at_ms', 'is', null)
    .execute();
