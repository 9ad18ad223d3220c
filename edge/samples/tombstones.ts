import type { Database as Sqlite } from 'better-sqlite3';
import type { SampleLossReason } from '#shared/wire/samples.ts';

/** `thinned`: one a minute was left of each connector. The others are those that the cloud is told by a record of their own. */
export type TombstoneReason = SampleLossReason;

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

/** Samples that went and had been numbered. */
export type Buried = Pick<Tombstone, 'fromWallMs' | 'toWallMs' | 'count'> & {
  readonly reason: 'thinned' | 'dropped';
  readonly fromId: number;
  readonly toId: number;
};

/** Samples that were never numbered, and what tells of them under a number of the stream. */
export type Untaken = Pick<Tombstone, 'fromWallMs' | 'toWallMs' | 'count'> & {
  readonly reason: Exclude<TombstoneReason, 'thinned' | 'dropped'>;
  /** It stands for `numbers` neighbouring numbers, of which this is the last. */
  readonly seq: number;
  readonly numbers: number;
};

const KEPT = 1000;

/** Records that numbered samples went. A loss that goes on where the last of its kind ended extends that one. */
export function bury(database: Sqlite, { reason, fromId, toId, fromWallMs, toWallMs, count }: Buried): void {
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
}

/**
 * Records samples that never came into the store. Of very many the oldest go: what the cloud does not have of them is added to the one
 * that follows, told with the wrong time rather than not at all.
 */
export function buryUntaken(database: Sqlite, stone: Untaken, ackedSeq: number): void {
  database
    .prepare(
      `INSERT INTO tombstones (stream, reason, from_wall_ms, to_wall_ms, count, seq, numbers) VALUES ('samples', ?, ?, ?, ?, ?, ?)`,
    )
    .run(stone.reason, stone.fromWallMs, stone.toWallMs, stone.count, stone.seq, stone.numbers);
  const [oldest, next] = database
    .prepare<[string, string], { id: number; seq: number; fromWallMs: number | null; count: number | null }>(
      `SELECT tombstone_id AS id, seq, from_wall_ms AS fromWallMs, count FROM tombstones WHERE reason = ? AND
       (SELECT count(*) FROM tombstones WHERE reason = ?) > ${KEPT} ORDER BY tombstone_id LIMIT 2`,
    )
    .all(stone.reason, stone.reason);
  if (oldest === undefined || next === undefined) return;
  database.prepare(`DELETE FROM tombstones WHERE tombstone_id = ?`).run(oldest.id);
  if (oldest.seq <= ackedSeq) return;
  database
    .prepare(`UPDATE tombstones SET from_wall_ms = coalesce(?, from_wall_ms), count = count + ? WHERE tombstone_id = ?`)
    .run(oldest.fromWallMs, oldest.count, next.id);
}

export function tombstonesIn(database: Sqlite): Tombstone[] {
  return database
    .prepare<[], Tombstone>(
      `SELECT stream, reason, from_id AS fromId, to_id AS toId, from_wall_ms AS fromWallMs, to_wall_ms AS toWallMs, count
       FROM tombstones ORDER BY tombstone_id`,
    )
    .all();
}

/** What is told under numbers of its own, from after one number up to another. Prepared once: it is asked for all the time. */
export function untakenOf(database: Sqlite): (afterSeq: number, throughSeq: number) => Untaken[] {
  const statement = database.prepare<[number, number], Untaken>(
    `SELECT reason, from_wall_ms AS fromWallMs, to_wall_ms AS toWallMs, count, seq, numbers
     FROM tombstones WHERE seq > ? AND seq <= ? ORDER BY seq`,
  );
  return (afterSeq, throughSeq) => statement.all(afterSeq, throughSeq);
}

/** The last number of a sample that was dropped; 0 before the first. */
export function droppedThroughOf(database: Sqlite): () => number {
  const statement = database
    .prepare<[], number | null>(`SELECT max(to_id) FROM tombstones WHERE reason = 'dropped'`)
    .pluck();
  return () => statement.get() ?? 0;
}
