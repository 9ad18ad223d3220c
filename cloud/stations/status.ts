import type { z } from 'zod';
import type { Db } from '../db/connect.ts';
import type { Caller } from '../partners/caller.ts';
import type { connectorStatusSchema } from './schemas.ts';
import { usableConnectors } from './usable.ts';
import { statusView } from './view.ts';

export interface StatusWish {
  /** Null: of all stations. */
  readonly siteId: string | null;
  /** Null: all. */
  readonly connectorIds: readonly string[] | null;
  /** The last connector of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

/**
 * What is known now of many connectors, in the order of their ids. What the caller may not use is left out, as is what does not exist.
 *
 * @returns with the last id when there are more
 */
export async function listStatus(
  db: Db,
  caller: Caller,
  wish: StatusWish,
  nowMs: number,
): Promise<{ statuses: z.infer<typeof connectorStatusSchema>[]; next: string | null }> {
  const rows = await usableConnectors(db, caller)
    .$if(wish.siteId !== null, (query) => query.where('connectors.site_id', '=', wish.siteId ?? ''))
    .$if(wish.connectorIds !== null, (query) => query.where('connectors.connector_id', 'in', wish.connectorIds ?? []))
    .where('connectors.connector_id', '>', wish.after ?? '')
    .orderBy('connectors.connector_id')
    .limit(wish.limit + 1)
    .execute();
  const page = rows.slice(0, wish.limit);
  return {
    statuses: page.map((row) => statusView(row, nowMs)),
    next: rows.length > wish.limit ? (page.at(-1)?.connector_id ?? null) : null,
  };
}
