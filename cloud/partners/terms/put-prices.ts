import { sql } from 'kysely';
import { type Complaint, PilegateError } from '#shared/errors.ts';
import type { TariffSchedule } from '#shared/tariff/schedule.ts';
import { scheduleComplaints } from '#shared/tariff/schedule-complaints.ts';
import { canonicalJson, digestOf } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { storeTariff } from '../../stations/store-tariff.ts';
import type { Caller } from '../caller.ts';
import { lockPartner } from '../partners.ts';
import { touchStations } from './touch-stations.ts';

export interface NewPrices extends Pick<Caller, 'partnerId' | 'environment'> {
  /** Null: every station of the environment that has no schedule of its own for this partner. */
  readonly siteId: string | null;
  /** Without tariffs: the partner pays what the station asks of everybody. */
  readonly schedule: TariffSchedule;
  readonly reason: string;
  readonly putBy: string;
}

/**
 * Puts a partner's own prices in the place of those that it had there. It is for charges that begin from now on: an order keeps the tariff
 * that it began with. The same schedule again changes nothing.
 *
 * @throws PilegateError `partner.unknown`, `station.unknown`, `request.invalid` with what is wrong, or `tariff.version_exists`
 */
export const putPrices = (context: Pick<CloudContext, 'db' | 'clock'>, prices: NewPrices): Promise<void> =>
  transaction(context.db, async (trx) => {
    await lockPartner(trx, prices.partnerId);
    const digest = digestOf(prices.schedule);
    if (await isPut(trx, prices, digest)) return;
    const nowMs = context.clock.wallMs();
    const siteIds = await sitesOf(trx, prices);
    const complaints = [
      ...(await shapeComplaints(trx, prices)),
      ...(await currencyComplaints(trx, prices, siteIds, nowMs)),
    ];
    if (complaints.length > 0) {
      const within = complaints.map((complaint) => ({ ...complaint, path: `schedule.${complaint.path}` }));
      throw new PilegateError('request.invalid', 'the prices cannot be put', { complaints: within });
    }
    for (const { tariff } of prices.schedule.tariffs) await storeTariff(trx, tariff, nowMs);
    await trx
      .updateTable('partner_prices')
      .set({ replaced_at_ms: nowMs })
      .where(scopeOf(prices))
      .where('replaced_at_ms', 'is', null)
      .execute();
    await trx
      .insertInto('partner_prices')
      .values({
        partner_id: prices.partnerId,
        environment: prices.environment,
        site_id: prices.siteId,
        version: prices.schedule.version,
        document: canonicalJson(prices.schedule),
        document_sha256: digest,
        reason: prices.reason,
        put_by: prices.putBy,
        put_at_ms: nowMs,
        replaced_at_ms: null,
      })
      .execute();
    await touchStations(trx, siteIds, nowMs);
  });

type Scope = Pick<NewPrices, 'partnerId' | 'environment' | 'siteId'>;

const scopeOf = ({ partnerId, environment, siteId }: Scope) =>
  sql<boolean>`partner_id = ${partnerId} and environment = ${environment} and site_id is not distinct from ${siteId}`;

/** @throws PilegateError `tariff.version_exists` when a version as high as this one was put with another content */
async function isPut(trx: Trx, prices: NewPrices, digest: string): Promise<boolean> {
  const last = await trx
    .selectFrom('partner_prices')
    .select(['version', 'document_sha256'])
    .where(scopeOf(prices))
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { version } = prices.schedule;
  if (last === undefined || last.version < version) return false;
  if (last.version === version && last.document_sha256 === digest) return true;
  const detail = `version ${last.version} of these prices has been put: use a higher one than that`;
  throw new PilegateError('tariff.version_exists', detail);
}

async function sitesOf(trx: Trx, { environment, siteId }: NewPrices): Promise<string[]> {
  const rows = await trx
    .selectFrom('sites')
    .select('site_id')
    .where('environment', '=', environment)
    .$if(siteId !== null, (query) => query.where('site_id', '=', siteId ?? ''))
    .execute();
  if (siteId !== null && rows.length === 0)
    throw new PilegateError('station.unknown', `no ${environment} station ${siteId}`);
  return rows.map((row) => row.site_id);
}

async function shapeComplaints(trx: Trx, { siteId, schedule }: NewPrices): Promise<Complaint[]> {
  if (siteId !== null) {
    const rows = await trx.selectFrom('connectors').select('connector_id').where('site_id', '=', siteId).execute();
    const connectorIds = rows.map((row) => row.connector_id);
    return scheduleComplaints(schedule, connectorIds);
  }
  const named = schedule.tariffs.flatMap(({ connectorIds }, index) =>
    connectorIds === undefined
      ? []
      : [{ path: `tariffs.${index}.connectorIds`, reason: 'prices for all stations name no connectors' }],
  );
  return [...scheduleComplaints(schedule), ...named];
}

/** A station asks for one currency, and so does what stands in the place of its prices. */
async function currencyComplaints(
  trx: Trx,
  { schedule }: NewPrices,
  siteIds: readonly string[],
  nowMs: number,
): Promise<Complaint[]> {
  if (siteIds.length === 0 || schedule.tariffs.length === 0) return [];
  const { rows } = await sql<{ site_id: string; currency: string }>`
    select distinct site_id, tariffs.document::jsonb ->> 'currency' as currency
    from site_tariffs join tariffs using (tariff_id, version)
    where replaced_at_ms is null and (until_ms is null or until_ms > ${nowMs})
      and site_id in (${sql.join(siteIds)}) and tariffs.document::jsonb ->> 'currency' <> ${schedule.currency}
    order by site_id limit 20`.execute(trx);
  return rows.map((row) => ({
    path: 'currency',
    reason: `${schedule.currency}, and ${row.site_id} asks for ${row.currency}`,
  }));
}
