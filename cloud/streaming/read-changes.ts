import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';
import type { Environment } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { usableConnectors } from '../stations/usable.ts';
import { positionsOf, setPosition } from './number-changes.ts';
import { usableSites } from './rights.ts';
import type { StatusChangeRow } from './tables.ts';

/** A change with where it happened. */
export interface PlacedChange extends StatusChangeRow {
  readonly site_id: string;
  readonly pile_id: string;
  readonly environment: Environment;
}

/** Changes after a position, in order. An empty page: there are none yet. */
export const readChanges = (db: Db | Trx, after: number, limit: number): Promise<PlacedChange[]> =>
  db
    .selectFrom('status_changes as change')
    .innerJoin('connectors', 'connectors.connector_id', 'change.connector_id')
    .innerJoin('sites', 'sites.site_id', 'connectors.site_id')
    .selectAll('change')
    .select(['connectors.site_id', 'connectors.pile_id', 'sites.environment'])
    .where('change.position', '>', after)
    .orderBy('change.position')
    .limit(limit)
    .execute();

/** What was told last of a connector; the times are newer where it is still so. */
export interface ToldStatus {
  readonly connector_id: string;
  readonly site_id: string;
  readonly pile_id: string;
  readonly status: string;
  readonly plugged: boolean | null;
  readonly observed_at_ms: number | null;
  readonly observation_age_ms: number | null;
  readonly received_at_ms: number | null;
}

export interface Snapshot {
  readonly position: number;
  readonly statuses: readonly ToldStatus[];
  /** Also those without a connector. */
  readonly usableSites: ReadonlySet<string>;
}

/**
 * The status of every connector that a partner may use, as the log tells it up to a position: whoever takes the changes after it
 * misses none and gets none twice.
 */
export const takeSnapshot = (db: Db, caller: Caller): Promise<Snapshot> =>
  db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const { head } = await positionsOf(trx);
      const statuses = await usableConnectors(trx, caller)
        .clearSelect()
        .leftJoinLateral(
          (from) =>
            from
              .selectFrom('status_changes as change')
              .selectAll('change')
              .whereRef('change.connector_id', '=', 'connectors.connector_id')
              .orderBy('change.position', 'desc')
              .limit(1)
              .as('last'),
          (join) => join.onTrue(),
        )
        .select(['connectors.connector_id', 'connectors.site_id', 'connectors.pile_id'])
        .select(sql<string>`coalesce(last.status, 'unknown')`.as('status'))
        .select('last.plugged')
        .select(
          (['observed_at_ms', 'observation_age_ms', 'received_at_ms'] as const).map((column) =>
            sql<number | null>`case when state.public_status = last.status then ${sql.ref(`state.${column}`)}
              else ${sql.ref(`last.${column}`)} end`.as(column),
          ),
        )
        .orderBy('connectors.connector_id')
        .execute();
      return { position: head, statuses, usableSites: await usableSites(trx, caller) };
    });

const FORGOTTEN_AT_ONCE = 10_000;

/**
 * Forgets changes that are older than `beforeMs`, all but the last of each connector. From then on nobody can resume before them.
 * What webhooks have not been made of yet is kept.
 */
export const forgetChanges = (db: Db, beforeMs: number): Promise<void> =>
  transaction(db, async (trx) => {
    const floor = await trx
      .selectFrom('status_positions')
      .select('position')
      .where('name', '=', 'floor')
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (floor === undefined) return;
    const { rows } = await sql<{ position: number | null }>`
      select max(position) as position from (
        select position from status_changes
        where position > ${floor.position} and changed_at_ms < ${beforeMs}
          and position <= (select position from status_positions where name = 'webhooks')
        order by position limit ${FORGOTTEN_AT_ONCE}) as old`.execute(trx);
    const until = rows[0]?.position ?? null;
    if (until === null) return;
    await setPosition(trx, 'floor', until);
    await sql`delete from status_changes as old where position <= ${until} and exists (
      select from status_changes as newer where newer.connector_id = old.connector_id and newer.position > old.position)`.execute(
      trx,
    );
  });
