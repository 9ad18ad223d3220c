import { type Complaint, PilegateError } from '#shared/errors.ts';
import { fromMsOf, type TariffSchedule } from '#shared/tariff/schedule.ts';
import { scheduleComplaints } from '#shared/tariff/schedule-complaints.ts';
import { canonicalJson, digestOf } from '../canonical-json.ts';
import type { Trx } from '../db/transaction.ts';
import { storeTariff } from './store-tariff.ts';

/**
 * Puts a schedule of tariffs in force at a site, in place of everything that was. Charges that run keep theirs. The same
 * version again is fine.
 *
 * @throws PilegateError `station.unknown`, `request.invalid` with every complaint, or `tariff.version_exists`
 */
export async function putTariffSchedule(
  trx: Trx,
  siteId: string,
  schedule: TariffSchedule,
  nowMs: number,
): Promise<void> {
  const site = await trx
    .selectFrom('sites')
    .select('site_id')
    .where('site_id', '=', siteId)
    .forUpdate()
    .executeTakeFirst();
  if (site === undefined) throw new PilegateError('station.unknown', `no site ${siteId}`);
  const digest = digestOf(schedule);
  const latest = await latestSchedule(trx, siteId);
  if (latest?.version === schedule.version) {
    if (latest.document_sha256 === digest) return;
    throw new PilegateError(
      'tariff.version_exists',
      `schedule version ${schedule.version} exists with another content`,
    );
  }
  const complaints = [...(await complaintsOf(trx, siteId, schedule)), ...orderComplaints(schedule, latest?.version)];
  if (complaints.length > 0) throw new PilegateError('request.invalid', 'the schedule cannot hold', { complaints });
  await trx
    .insertInto('tariff_schedules')
    .values({
      site_id: siteId,
      version: schedule.version,
      document: canonicalJson(schedule),
      document_sha256: digest,
      created_at_ms: nowMs,
    })
    .execute();
  await replaceTariffs(trx, siteId, schedule, nowMs);
}

const latestSchedule = (trx: Trx, siteId: string) =>
  trx
    .selectFrom('tariff_schedules')
    .select(['version', 'document', 'document_sha256'])
    .where('site_id', '=', siteId)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();

async function complaintsOf(trx: Trx, siteId: string, schedule: TariffSchedule): Promise<Complaint[]> {
  const rows = await trx.selectFrom('connectors').select('connector_id').where('site_id', '=', siteId).execute();
  return scheduleComplaints(
    schedule,
    rows.map((row) => row.connector_id),
  );
}

function orderComplaints({ version }: TariffSchedule, latest: number | undefined): Complaint[] {
  if (latest === undefined || version > latest) return [];
  return [{ path: 'version', reason: `not higher than ${latest}, which the site has` }];
}

async function replaceTariffs(trx: Trx, siteId: string, schedule: TariffSchedule, nowMs: number): Promise<void> {
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
