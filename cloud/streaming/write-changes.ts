import { type Insertable, sql } from 'kysely';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { FRESH_MS } from '../stations/freshness.ts';
import type { UnnumberedStatusChangesTable } from './tables.ts';

export type NewStatusChange = Omit<Insertable<UnnumberedStatusChangesTable>, 'change_id'>;

/**
 * Writes down changes of the public status, in the transaction of the change: both are stored or neither. They get their positions
 * when they have been committed. The caller holds the lock of the connector's state, so that changes of one connector are in order.
 */
export async function writeChanges(trx: Trx, changes: readonly NewStatusChange[]): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    insert into status_changes_unnumbered (connector_id, status, previous_status, plugged, observed_at_ms, observation_age_ms,
      received_at_ms, changed_at_ms)
    select connector_id, status, previous_status, plugged, observed_at_ms, observation_age_ms, received_at_ms, changed_at_ms
    from json_to_recordset(${JSON.stringify(changes)}::json) as told (
      connector_id text, status text, previous_status text, plugged boolean, observed_at_ms bigint, observation_age_ms bigint,
      received_at_ms bigint, changed_at_ms bigint)`.execute(trx);
}

/** So many at once, so that a cloud that was away does not hold thousands of locks. */
const AT_ONCE = 1_000;

/**
 * Finds connectors of which nothing fresh has come, and writes down that their status is `unknown` now. Any number of processes may do
 * that: a row that another one has locked is left to it, and a change is written by whoever changes the row.
 */
export async function sweepSilent(db: Db, nowMs: number): Promise<void> {
  while ((await sweepSome(db, nowMs)) === AT_ONCE);
}

const sweepSome = (db: Db, nowMs: number): Promise<number> =>
  transaction(db, async (trx) => {
    const { rows } = await sql<NewStatusChange>`
      with silent as (
        select connector_id from connector_states
        where public_status <> 'unknown' and ${nowMs}::bigint - received_at_ms
          + case when status = 'offline' then 0 else observation_age_ms end > ${FRESH_MS}
        limit ${AT_ONCE} for update skip locked)
      update connector_states set status_before = public_status, public_status = 'unknown'
      from silent where silent.connector_id = connector_states.connector_id
      returning connector_states.connector_id, public_status as status, status_before as previous_status,
        null::boolean as plugged, observed_at_ms, observation_age_ms, received_at_ms, ${nowMs}::bigint as changed_at_ms`.execute(
      trx,
    );
    await writeChanges(trx, rows);
    return rows.length;
  });
