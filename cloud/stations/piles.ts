import { sql } from 'kysely';
import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { settledBeforeMs } from '../db/settled.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { Caller } from '../partners/caller.ts';
import { changedIn, pageOfReading, type ReadingPage, type ReadingRange } from './changes.ts';
import type { pileSchema } from './schemas.ts';
import { connectorKinds } from './tables.ts';
import { usableStations } from './usable.ts';
import type { ConnectorFilter } from './view.ts';

type PileView = z.infer<typeof pileSchema>;

/** As the database puts them together. */
const partsSchema = z.array(
  z.object({
    id: z.string(),
    kind: z.enum(connectorKinds).nullable(),
    power: z.int(),
    withdrawn: z.int().nullable(),
  }),
);

const pileRows = (db: Db, caller: Caller) =>
  usableStations(db, caller)
    .innerJoin('connectors', 'connectors.site_id', 'station.site_id')
    .select(['station.site_id', 'station.changed_at_ms', 'connectors.pile_id'])
    .select([
      sql<string>`min(connectors.model)`.as('model'),
      sql<string>`json_agg(json_build_object('id', connectors.connector_id, 'kind', connectors.kind,
        'power', connectors.max_power_w, 'withdrawn', coalesce(connectors.withdrawn_at_ms, station.withdrawn_at_ms))
        order by connectors.connector_id)::text`.as('parts'),
    ])
    .groupBy(['station.site_id', 'station.changed_at_ms', 'connectors.pile_id']);
type PileRow = Awaited<ReturnType<ReturnType<typeof pileRows>['executeTakeFirstOrThrow']>>;

/** A pile is withdrawn when its last connector is. */
function pileView(row: PileRow): PileView {
  const parts = partsSchema.parse(JSON.parse(row.parts));
  const ends = parts.map(({ withdrawn }) => withdrawn).filter((atMs) => atMs !== null);
  return {
    site_id: row.site_id,
    pile_id: row.pile_id,
    model: row.model,
    connectors: parts.map(({ id, kind, power, withdrawn }) => ({
      connector_id: id,
      kind,
      max_power_w: power,
      withdrawn_at: isoOrNull(withdrawn),
    })),
    updated_at: iso(row.changed_at_ms),
    withdrawn_at: ends.length < parts.length ? null : iso(Math.max(...ends)),
  };
}

/** One pile of a station that the caller may use, or null. Its name is unique within its station. */
export async function findPile(db: Db, caller: Caller, siteId: string, pileId: string): Promise<PileView | null> {
  const row = await pileRows(db, caller)
    .where('station.site_id', '=', siteId)
    .where('connectors.pile_id', '=', pileId)
    .executeTakeFirst();
  return row === undefined ? null : pileView(row);
}

/** One page of the piles that the caller may use, oldest change first; each changes with its station. */
export async function listPiles(
  db: Db,
  caller: Caller,
  { siteId, kind }: ConnectorFilter,
  range: ReadingRange,
  nowMs: number,
): Promise<ReadingPage<PileView>> {
  const id = sql<string>`(station.site_id || '/' || connectors.pile_id)`;
  const settledMs = await settledBeforeMs(db, nowMs);
  const found = await pileRows(db, caller)
    .where(changedIn(range, { at: sql`station.changed_at_ms`, id }))
    .$if(siteId !== null, (query) => query.where('station.site_id', '=', siteId ?? ''))
    .$if(kind !== null, (query) => query.having(sql<boolean>`bool_or(connectors.kind = ${kind})`))
    .orderBy('station.changed_at_ms')
    .orderBy(id)
    .limit(range.limit + 1)
    .execute();
  const page = pageOfReading(found, range, settledMs, (row) => ({
    atMs: row.changed_at_ms,
    id: `${row.site_id}/${row.pile_id}`,
  }));
  return { ...page, rows: page.rows.map(pileView) };
}
