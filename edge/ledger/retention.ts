import { COMMAND_LIFE_MS } from './salvage.ts';
import type { Store } from './store.ts';

/** Rows of a table that one pass looks at: a commit that comes meanwhile waits for no more than this. */
const ROWS_A_PASS = 500;
/** Refused records that are not part of a charge; of more, the oldest go and are counted. */
const KEPT_DEAD_LETTERS = 1000;

/**
 * Rows of a table in order of their numbers. Null where nobody knew the time. `isHeld`: something still depends on it.
 */
interface Candidate {
  readonly rowNumber: number;
  readonly storedWallMs: number | null;
  readonly isHeld: boolean;
}

const candidates: Record<'cdrs' | 'inbox' | 'sessions', string> = {
  cdrs: `session_id IN (SELECT session_id FROM outbox WHERE kind = 'session.ended')`,
  // A command whose outcome the cloud has not acknowledged is sent again.
  inbox: `status = 'received'
    OR command_id IN (SELECT body ->> 'commandId' FROM outbox WHERE kind = 'command.reported')`,
  sessions: `is_open = 1 OR session_id IN (SELECT session_id FROM cdrs)
    OR session_id IN (SELECT session_id FROM outbox WHERE session_id IS NOT NULL)`,
};

/**
 * Removes what is done with and older than `keepMs`: charges of which the cloud has the CDR, and commands that cannot come
 * again. Rows go in ranges from the oldest on, a bounded number a pass.
 *
 * @returns how many rows are gone
 */
export function removeOld(store: Store, nowMs: number, keepMs: number): number {
  return store.together(() => {
    let removed = 0;
    for (const table of ['cdrs', 'sessions', 'inbox'] as const) {
      const limitMs = nowMs - (table === 'inbox' ? Math.max(keepMs, COMMAND_LIFE_MS) : keepMs);
      const through = lastOldRow(candidatesOf(store, table), nowMs, limitMs);
      if (through === null) continue;
      store.run(`DELETE FROM ${table} WHERE rowid <= ?`, through);
      removed += Number(store.row(`SELECT changes() AS n`)?.n);
    }
    return removed;
  });
}

function candidatesOf(store: Store, table: keyof typeof candidates): Candidate[] {
  const sql = `SELECT rowid AS n, stored_wall_ms AS at, ${candidates[table]} AS held FROM ${table} ORDER BY rowid LIMIT ?`;
  return store.rows(sql, ROWS_A_PASS).map((row) => ({
    rowNumber: Number(row.n),
    storedWallMs: row.at === null ? null : Number(row.at),
    isHeld: row.held === 1,
  }));
}

/**
 * Rows without a time go with the next one that has one and is old: they were stored before it. A time that is still to come
 * was told by a wrong clock, and is as good as none.
 */
function lastOldRow(rows: readonly Candidate[], nowMs: number, limitMs: number): number | null {
  let through: number | null = null;
  for (const { rowNumber, storedWallMs, isHeld } of rows) {
    const knownWallMs = storedWallMs !== null && storedWallMs > nowMs ? null : storedWallMs;
    if (isHeld || (knownWallMs !== null && knownWallMs >= limitMs)) break;
    if (knownWallMs !== null) through = rowNumber;
  }
  return through;
}

/** Refused records of charges stay for a person; of others only the newest, and the rest is counted. */
export function boundDeadLetters(store: Store): number {
  return store.together(() => {
    store.run(
      `DELETE FROM dead_letters WHERE seq IN (
         SELECT seq FROM dead_letters WHERE body ->> 'kind' NOT IN ('session.started', 'session.ended')
         ORDER BY rowid DESC LIMIT -1 OFFSET ?)`,
      KEPT_DEAD_LETTERS,
    );
    const dropped = Number(store.row(`SELECT changes() AS n`)?.n);
    if (dropped > 0)
      store.run(
        `INSERT INTO meta (key, value) VALUES ('dead_letters_dropped', ?)
         ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value`,
        String(dropped),
      );
    return dropped;
  });
}
