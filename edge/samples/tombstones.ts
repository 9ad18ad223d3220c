import type { Database as Sqlite } from 'better-sqlite3';

/**
 * `thinned`: one a minute was left of each connector. `dropped`: the oldest went. `not-taken`: the disk was short.
 * `not-stored`: they could not be written. `damaged`: the file could not be read any more.
 */
export type TombstoneReason = 'thinned' | 'dropped' | 'not-taken' | 'not-stored' | 'damaged';

export interface Tombstone {
  readonly stream: 'samples';
  readonly reason: TombstoneReason;
  readonly fromId: number | null;
  readonly toId: number | null;
  readonly fromWallMs: number | null;
  readonly toWallMs: number | null;
  /** Null where nobody knows how many there were. */
  readonly count: number | null;
}

const KEPT = 1000;

/** Records a loss. One that goes on where the last of its kind ended extends that one; of very many without numbers the oldest go. */
export function bury(database: Sqlite, stone: Omit<Tombstone, 'stream'>): void {
  const { reason, fromId, toId, fromWallMs, toWallMs, count } = stone;
  const extended = database
    .prepare(
      `UPDATE tombstones SET to_id = ?, to_wall_ms = ?, count = count + ?
       WHERE tombstone_id = (SELECT max(tombstone_id) FROM tombstones WHERE reason = ?) AND to_id + 1 = ?`,
    )
    .run(toId, toWallMs, count, reason, fromId);
  if (extended.changes > 0) return;
  database
    .prepare(
      `INSERT INTO tombstones (stream, reason, from_id, to_id, from_wall_ms, to_wall_ms, count) VALUES ('samples', ?, ?, ?, ?, ?, ?)`,
    )
    .run(reason, fromId, toId, fromWallMs, toWallMs, count);
  database
    .prepare(
      `DELETE FROM tombstones WHERE to_id IS NULL AND tombstone_id <= (SELECT max(tombstone_id) FROM tombstones) - ?`,
    )
    .run(KEPT);
}

export function tombstonesIn(database: Sqlite): Tombstone[] {
  return database
    .prepare<[], Tombstone>(
      `SELECT stream, reason, from_id AS fromId, to_id AS toId, from_wall_ms AS fromWallMs, to_wall_ms AS toWallMs, count
       FROM tombstones ORDER BY tombstone_id`,
    )
    .all();
}
