import { sql } from 'kysely';
import type { CloudContext } from '../../context.ts';
import { transaction } from '../../db/transaction.ts';
import { touchStations } from './touch-stations.ts';

/**
 * Touches the stations at which a price has begun or ended since their last change, of the station or of a partner's own: what they show as the
 * tariff is another one now. Nothing is kept of it: a station that was touched has a change time behind that instant, so any number of processes may
 * do it, and none that dies leaves one out.
 */
export const touchAtPriceTurns = ({ db, clock }: Pick<CloudContext, 'db' | 'clock'>): Promise<void> =>
  transaction(db, async (trx) => {
    const nowMs = clock.wallMs();
    const { rows } = await sql<{ site_id: string }>`
      with turns as (
        select site_id, null as environment, unnest(array[in_force_from_ms, until_ms]) as at_ms
          from site_tariffs where replaced_at_ms is null
        union all
        select site_id, case when site_id is null then environment end,
            unnest(array[extract(epoch from (entry ->> 'from')::timestamptz), extract(epoch from (entry ->> 'until')::timestamptz)]) * 1000
          from partner_prices, jsonb_array_elements(document::jsonb -> 'tariffs') entry where replaced_at_ms is null
      ), last_turn as materialized (
        select site_id, environment, max(at_ms) as at_ms from turns where at_ms <= ${nowMs} group by site_id, environment
      )
      select site.site_id from sites site
        left join last_turn own on own.site_id = site.site_id
        left join last_turn every_site on every_site.environment = site.environment
      where site.withdrawn_at_ms is null and site.updated_at_ms < greatest(own.at_ms, every_site.at_ms)
      order by site.site_id for no key update of site`.execute(trx);
    await touchStations(
      trx,
      rows.map((row) => row.site_id),
      nowMs,
    );
  });
