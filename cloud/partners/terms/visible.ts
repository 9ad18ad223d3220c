import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../db/connect.ts';
import type { Trx } from '../../db/transaction.ts';
import type { Caller } from '../caller.ts';

type Partner = Pick<Caller, 'partnerId' | 'environment'>;

/**
 * True for the stations that a partner may use: of the environment of its key, and listed for it where staff have said that only
 * listed ones are. What is left out does not exist for the partner: the answer is `station.unknown` or `connector.unknown`.
 *
 * For the `where` of every query in which `sites` stands under its own name.
 */
export const mayUse = ({ partnerId, environment }: Partner): RawBuilder<boolean> => sql<boolean>`(
  sites.environment = ${environment} and (
    not exists (select from partner_access
      where partner_id = ${partnerId} and environment = ${environment} and stations = 'listed')
    or exists (select from partner_stations where partner_id = ${partnerId} and site_id = sites.site_id)))`;

/** The partners that may use a station, among those with a key of its environment that has not ended: who is told of what changes there. */
export async function partnersWhoMayUse(db: Db | Trx, siteId: string): Promise<Partner[]> {
  const rows = await db
    .selectFrom('sites')
    .innerJoin('partner_keys', 'partner_keys.environment', 'sites.environment')
    .select(['partner_keys.partner_id', 'sites.environment'])
    .distinct()
    .where('sites.site_id', '=', siteId)
    .where('partner_keys.revoked_at_ms', 'is', null)
    .where(
      sql<boolean>`(not exists (select from partner_access a
          where a.partner_id = partner_keys.partner_id and a.environment = sites.environment and a.stations = 'listed')
        or exists (select from partner_stations l
          where l.partner_id = partner_keys.partner_id and l.site_id = sites.site_id))`,
    )
    .orderBy('partner_keys.partner_id')
    .execute();
  return rows.map(({ partner_id: partnerId, environment }) => ({ partnerId, environment }));
}
