import type { Database as Sqlite } from 'better-sqlite3';
import { buryUntaken } from './tombstones.ts';

/**
 * A power cut takes what was written since the last checkpoint, and the cloud may have that under its numbers already: the stream goes
 * on so many numbers further. Nothing writes nearly as many between two checkpoints.
 */
const NUMBERS_OF_A_POWER_CUT = 1_000_000;

/** Where the stream of samples stands in a store. */
export interface SamplesStream {
  readonly storeEpoch: string;
  /** Of the newest sample, or of what tells in its place that some are missing. */
  headSeq: number;
  ackedSeq: number;
}

/**
 * Begins to use a store. One that was not closed in order may have lost what was written last, and says so under numbers that it had
 * not given before. What is decided here is synced: another power cut must not undo it.
 *
 * @param newId makes the epoch of a store that is new
 * @param bootId the present boot of the machine
 */
export function beginStream(database: Sqlite, newId: () => string, bootId: string): SamplesStream {
  database.pragma('synchronous = FULL');
  const stream = database.transaction(() => {
    const meta = metaOf(database);
    const numberOf = (sql: string): number => database.prepare<[], number | null>(sql).pluck().get() ?? 0;
    const newest = numberOf(`SELECT max(sample_id) FROM samples`);
    const headSeq = Math.max(newest, numberOf(`SELECT max(seq) FROM tombstones`));
    const begun = { storeEpoch: meta.get('store_epoch') ?? newId(), headSeq, ackedSeq: Number(meta.get('acked_seq')) };
    const bootBefore = meta.get('boot_id');
    if (bootBefore !== undefined && meta.get('closed_seq') !== String(headSeq)) {
      const numbers = bootBefore === bootId ? 1 : NUMBERS_OF_A_POWER_CUT;
      begun.headSeq += numbers;
      const fromWallMs = numberOf(`SELECT wall_ms FROM samples WHERE sample_id = ${newest}`);
      const stone = {
        reason: 'interrupted',
        fromWallMs,
        toWallMs: null,
        count: null,
        seq: begun.headSeq,
        numbers,
      } as const;
      buryUntaken(database, stone, begun.ackedSeq);
    }
    putMeta(database, 'store_epoch', begun.storeEpoch);
    putMeta(database, 'boot_id', bootId);
    database.prepare(`DELETE FROM meta WHERE key = 'closed_seq'`).run();
    return begun;
  })();
  database.pragma('synchronous = NORMAL');
  return stream;
}

/** The last word before a store is closed: nothing of it is missing. */
export function endStream(database: Sqlite, stream: SamplesStream): void {
  putMeta(database, 'acked_seq', String(stream.ackedSeq));
  putMeta(database, 'closed_seq', String(stream.headSeq));
}

/** Within a transaction. It is written with the next samples, and not with each acknowledgement: an older one only sends again. */
export const keepAcked = (database: Sqlite, ackedSeq: number): void => putMeta(database, 'acked_seq', String(ackedSeq));

function metaOf(database: Sqlite): Map<string, string> {
  const rows = database.prepare<[], { key: string; value: string }>(`SELECT key, value FROM meta`).all();
  return new Map(rows.map(({ key, value }) => [key, value]));
}

function putMeta(database: Sqlite, key: 'store_epoch' | 'acked_seq' | 'boot_id' | 'closed_seq', value: string): void {
  database
    .prepare(`INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`)
    .run(key, value);
}
