import type { Db } from '../db/connect.ts';
import type { Environment } from '../db/schema.ts';

export interface FoundSite {
  readonly shard: number;
  readonly environment: Environment;
  readonly isRevoked: boolean;
}

/** The sites of these ids, in their order; null where there is none. */
export async function findSites(db: Db, siteIds: readonly string[]): Promise<(FoundSite | null)[]> {
  const rows = await db
    .selectFrom('sites')
    .select(['site_id', 'shard', 'environment', 'revoked_at_ms'])
    .where('site_id', 'in', siteIds)
    .execute();
  const found = new Map(
    rows.map((row) => {
      const { shard, environment } = row;
      return [row.site_id, { shard, environment, isRevoked: row.revoked_at_ms !== null }];
    }),
  );
  return siteIds.map((siteId) => found.get(siteId) ?? null);
}
