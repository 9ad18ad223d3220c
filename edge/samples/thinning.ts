import type { Database as Sqlite } from 'better-sqlite3';
import { bury, droppedThroughOf } from './tombstones.ts';

const MINUTE_MS = 60_000;
/** So many of the newest samples stay as they are. */
const TOO_YOUNG = 5000;
/** Rows of one step: the thread has other work. */
const ROWS_A_STEP = 5000;

/**
 * Makes room: drops the oldest that the cloud has, but the young; else leaves one sample a minute of each connector, session and
 * status, from the oldest on, and when there is nothing left to thin, drops the oldest. Each step says what it took.
 *
 * @param ackedSeq what the cloud has
 * @returns whether it found anything to take
 */
export function thin(database: Sqlite, mayDrop: boolean, ackedSeq: number): boolean {
  return database.transaction(() => {
    const thinnedThrough = lastId(
      database,
      `SELECT max(to_id) AS id FROM tombstones WHERE reason IN ('thinned', 'dropped')`,
    );
    const newest = lastId(database, `SELECT max(sample_id) AS id FROM samples`);
    if (dropOldest(database, Math.min(ackedSeq, newest - TOO_YOUNG))) return true;
    const through = Math.min(thinnedThrough + ROWS_A_STEP, newest - TOO_YOUNG);
    if (through > thinnedThrough) return thinRange(database, thinnedThrough + 1, through);
    // The newest stays: its number must not be given again.
    return mayDrop && dropOldest(database, newest - 1);
  })();
}

function thinRange(database: Sqlite, fromId: number, toId: number): boolean {
  const span = spanOf(database, fromId, toId);
  const { changes } = database
    .prepare(
      `DELETE FROM samples WHERE sample_id IN (
         SELECT sample_id FROM (
           SELECT sample_id, row_number() OVER (
             PARTITION BY connector, boot, session, status, wall_ms / ${MINUTE_MS} ORDER BY sample_id) AS n
           FROM samples WHERE sample_id BETWEEN ? AND ?)
         WHERE n > 1)`,
    )
    .run(fromId, toId);
  bury(database, { reason: 'thinned', fromId, toId, ...span, count: changes });
  return true;
}

/** Of what was thinned before, only what was left of it counts here. */
function dropOldest(database: Sqlite, throughId: number): boolean {
  const toId = lastId(
    database,
    `SELECT max(sample_id) AS id FROM (SELECT sample_id FROM samples WHERE sample_id <= ${throughId}
     ORDER BY sample_id LIMIT ${ROWS_A_STEP})`,
  );
  if (toId === 0) return false;
  const fromId = droppedThroughOf(database)() + 1;
  const span = spanOf(database, fromId, toId);
  const { changes } = database.prepare(`DELETE FROM samples WHERE sample_id <= ?`).run(toId);
  bury(database, { reason: 'dropped', fromId, toId, ...span, count: changes });
  forgetSessions(database, toId);
  return true;
}

/** A session that goes on has a sample in every interval: one that the next rows do not name is over. */
function forgetSessions(database: Sqlite, droppedThrough: number): void {
  database
    .prepare(
      `DELETE FROM names WHERE kind = 'session' AND first_id <= ? AND name_id NOT IN (
         SELECT session FROM (SELECT session FROM samples ORDER BY sample_id LIMIT ${ROWS_A_STEP}) WHERE session IS NOT NULL)`,
    )
    .run(droppedThrough);
}

function spanOf(
  database: Sqlite,
  fromId: number,
  toId: number,
): { fromWallMs: number | null; toWallMs: number | null } {
  const row = database
    .prepare<[number, number], { first: number | null; last: number | null }>(
      `SELECT min(wall_ms) AS first, max(wall_ms) AS last FROM samples WHERE sample_id BETWEEN ? AND ?`,
    )
    .get(fromId, toId);
  return { fromWallMs: row?.first ?? null, toWallMs: row?.last ?? null };
}

function lastId(database: Sqlite, sql: string): number {
  return database.prepare<[], { id: number | null }>(sql).get()?.id ?? 0;
}
