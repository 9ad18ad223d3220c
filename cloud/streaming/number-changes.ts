import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { StatusPositionsTable } from './tables.ts';

const AT_ONCE = 2_000;

/**
 * Gives committed changes their positions, in the order of their identities. One process at a time does it, holding the row of the
 * last position until it has committed: positions become visible in their order and without a gap, whatever the order in which the
 * changes were committed. Whoever finds another process at it leaves the work to that one.
 *
 * A change that commits late comes behind those that are numbered by then, and never between them. Changes of one connector
 * stay in order: the later one is written only when the earlier one has been committed.
 *
 * @returns true when there may be more
 */
export const numberChanges = (db: Db): Promise<boolean> =>
  transaction(db, async (trx) => {
    const head = await trx
      .selectFrom('status_positions')
      .select('position')
      .where('name', '=', 'head')
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (head === undefined) return false;
    const moved = await sql`
      with taken as (
        delete from status_changes_unnumbered
        where change_id in (select change_id from status_changes_unnumbered order by change_id limit ${AT_ONCE})
        returning *)
      insert into status_changes (position, connector_id, status, previous_status, plugged, observed_at_ms,
        observation_age_ms, received_at_ms, changed_at_ms)
      select ${head.position}::bigint + row_number() over (order by change_id), connector_id, status, previous_status,
        plugged, observed_at_ms, observation_age_ms, received_at_ms, changed_at_ms
      from taken`.execute(trx);
    const count = Number(moved.numAffectedRows ?? 0n);
    if (count > 0) await setPosition(trx, 'head', head.position + count);
    return count === AT_ONCE;
  });

/** Takes the next position for something else that streams have to know of. Whoever numbers changes waits until it is committed. */
export async function takePosition(trx: Trx): Promise<number> {
  const { position } = await trx
    .updateTable('status_positions')
    .set(({ eb }) => ({ position: eb('position', '+', 1) }))
    .where('name', '=', 'head')
    .returning('position')
    .executeTakeFirstOrThrow();
  return position;
}

/** Whether anything waits for a position. */
export async function hasUnnumbered(db: Db): Promise<boolean> {
  const row = await db.selectFrom('status_changes_unnumbered').select('change_id').limit(1).executeTakeFirst();
  return row !== undefined;
}

export const setPosition = (trx: Trx, name: StatusPositionsTable['name'], position: number) =>
  trx.updateTable('status_positions').set({ position }).where('name', '=', name).execute();

/** Where the log begins and ends now: the last position given, and up to where changes may have been forgotten. */
export async function positionsOf(db: Db | Trx): Promise<{ readonly head: number; readonly floor: number }> {
  const rows = await db.selectFrom('status_positions').selectAll().execute();
  const of = (name: StatusPositionsTable['name']) => rows.find((row) => row.name === name)?.position ?? 0;
  return { head: of('head'), floor: of('floor') };
}
