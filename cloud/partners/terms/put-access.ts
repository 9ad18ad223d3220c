import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import { atEnd, type Trx, transaction } from '../../db/transaction.ts';
import { takePosition } from '../../streaming/number-changes.ts';
import type { Caller } from '../caller.ts';
import { lockPartner } from '../partners.ts';
import type { StationAccess } from './tables.ts';
import { touchStations } from './touch-stations.ts';

export interface NewAccess extends Pick<Caller, 'partnerId' | 'environment'> {
  readonly stations: StationAccess;
  /** All that are listed from now on; none with `all`. */
  readonly siteIds: readonly string[];
  readonly changedBy: string;
}

/**
 * Says which stations a partner may use. Charges that run at one that is withdrawn go on, and can be looked at and stopped.
 *
 * @throws PilegateError `partner.unknown` or `station.unknown`
 */
export const putAccess = (context: Pick<CloudContext, 'db' | 'clock'>, access: NewAccess): Promise<void> =>
  transaction(context.db, async (trx) => {
    const { partnerId, environment, stations, siteIds, changedBy } = access;
    await lockPartner(trx, partnerId);
    const ofEnvironment = await sitesOf(trx, environment);
    const unknown = siteIds.find((siteId) => !ofEnvironment.includes(siteId));
    if (unknown !== undefined) throw new PilegateError('station.unknown', `no ${environment} station ${unknown}`);
    const before = await usable(trx, access, ofEnvironment);
    const after = new Set(stations === 'all' ? ofEnvironment : siteIds);
    const nowMs = context.clock.wallMs();
    const changed = { stations, changed_at_ms: nowMs, changed_by: changedBy };
    await trx
      .insertInto('partner_access')
      .values({ partner_id: partnerId, environment, ...changed })
      .onConflict((conflict) => conflict.columns(['partner_id', 'environment']).doUpdateSet(changed))
      .execute();
    await list(trx, partnerId, ofEnvironment, siteIds, nowMs);
    await touchStations(
      trx,
      ofEnvironment.filter((siteId) => before.has(siteId) !== after.has(siteId)),
      nowMs,
    );
    // Behind all that streams were told so far, and before what they are told with the stations that there are now.
    atEnd(trx, 'status position', async () => {
      await trx
        .updateTable('partner_access')
        .set({ changed_position: await takePosition(trx) })
        .where('partner_id', '=', partnerId)
        .where('environment', '=', environment)
        .execute();
    });
  });

async function sitesOf(trx: Trx, environment: Caller['environment']): Promise<string[]> {
  const rows = await trx.selectFrom('sites').select('site_id').where('environment', '=', environment).execute();
  return rows.map((row) => row.site_id);
}

/** What the partner may use so far. */
async function usable(trx: Trx, { partnerId, environment }: NewAccess, all: readonly string[]): Promise<Set<string>> {
  const access = await trx
    .selectFrom('partner_access')
    .select('stations')
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .executeTakeFirst();
  if (access?.stations !== 'listed') return new Set(all);
  const rows = await trx.selectFrom('partner_stations').select('site_id').where('partner_id', '=', partnerId).execute();
  return new Set(rows.map((row) => row.site_id));
}

async function list(trx: Trx, partnerId: string, all: readonly string[], siteIds: readonly string[], nowMs: number) {
  const left = all.filter((siteId) => !siteIds.includes(siteId));
  if (left.length > 0)
    await trx.deleteFrom('partner_stations').where('partner_id', '=', partnerId).where('site_id', 'in', left).execute();
  if (siteIds.length === 0) return;
  await trx
    .insertInto('partner_stations')
    .values([...new Set(siteIds)].map((site_id) => ({ partner_id: partnerId, site_id, listed_at_ms: nowMs })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
