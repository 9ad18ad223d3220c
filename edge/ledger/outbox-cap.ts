import type { Stamp } from '#shared/stamp.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { Store } from './store.ts';

const ROWS_A_PASS = 500;

/**
 * Keeps the outbox of a site that is offline within its cap. Only alarms give way, warnings before critical ones and old
 * before young; each is replaced in its place by a record that says so, because the cloud takes a stream without holes.
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
    const body: RecordOf<'record.dropped'> = {
      kind: 'record.dropped',
      droppedKind: 'alarm.raised',
      reason: 'outbox-full',
      at,
    };
    for (const { seq } of alarms)
      store.run(`UPDATE outbox SET kind = ?, body = ? WHERE seq = ?`, body.kind, JSON.stringify(body), seq);
    return alarms.length;
  });
}
