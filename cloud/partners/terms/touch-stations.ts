import { sql } from 'kysely';
import type { Trx } from '../../db/transaction.ts';

/**
 * Moves the change time of stations forward, so that whoever reads them by change time reads them again. Always in one order: two that
 * touch the same stations wait for each other.
 */
export async function touchStations(trx: Trx, siteIds: readonly string[], nowMs: number): Promise<void> {
  if (siteIds.length === 0) return;
  await trx
    .selectFrom('sites')
    .select('site_id')
    .where('site_id', 'in', siteIds)
    .orderBy('site_id')
    .forNoKeyUpdate()
    .execute();
  await trx
    .updateTable('sites')
    .set({ updated_at_ms: sql<number>`greatest(updated_at_ms + 1, ${nowMs}::bigint)` })
    .where('site_id', 'in', siteIds)
    .execute();
}
