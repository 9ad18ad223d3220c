import type { Stamp } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { Row, Store } from './store.ts';

const ROWS_A_PASS = 500;

/**
 * Keeps the outbox of a site that is offline within its cap. Only alarms give way, warnings before critical ones and old
 * before young. In their place comes a record that says so, because the cloud takes a stream without holes: one for all
 * neighbours, in the place of the last, which an acknowledgement of the first ones leaves there.
 * What belongs to a charge, and what became of a command, stays whatever the cap says.
 *
 * @returns how many alarms were replaced
 */
export function capOutbox(store: Store, maxRecords: number, at: Stamp): number {
  return store.together(() => {
    const waiting = Number(store.row(`SELECT count(*) AS n FROM outbox WHERE kind <> 'record.dropped'`)?.n);
    const excess = Math.min(waiting - maxRecords, ROWS_A_PASS);
    if (excess <= 0) return 0;
    const alarms = store.rows(
      `SELECT seq FROM outbox WHERE kind = 'alarm.raised' ORDER BY body ->> 'severity' = 'critical', seq LIMIT ?`,
      excess,
    );
    for (const { seq } of alarms) drop(store, Number(seq), at);
    return alarms.length;
  });
}

/** Joins what was dropped right before it and right behind it: at most every other row tells of dropped ones. */
function drop(store: Store, seq: number, at: Stamp): void {
  const before = store.row(`${DROPPED} AND seq = ?`, seq - 1);
  const behind = store.row(`${DROPPED} AND seq = (SELECT min(seq) FROM outbox WHERE seq > ?)`, seq);
  const count = countOf(before) + 1 + countOf(behind);
  const body: RecordOf<'record.dropped'> = {
    kind: 'record.dropped',
    droppedKind: 'alarm.raised',
    reason: 'outbox-full',
    ...(count === 1 ? {} : { count }),
    at,
  };
  if (before !== undefined) store.run(`DELETE FROM outbox WHERE seq = ?`, before.seq);
  if (behind !== undefined) store.run(`DELETE FROM outbox WHERE seq = ?`, seq);
  const place = behind === undefined ? seq : behind.seq;
  store.run(`UPDATE outbox SET kind = ?, body = ? WHERE seq = ?`, body.kind, JSON.stringify(body), place);
}

const DROPPED = `SELECT seq, coalesce(body ->> 'count', 1) AS count FROM outbox WHERE kind = 'record.dropped'`;
const countOf = (row: Row | undefined): number => (row === undefined ? 0 : Number(row.count));
