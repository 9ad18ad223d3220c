import type { Stamp } from '#shared/stamp.ts';
import type { Ack, RecordEnvelope } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

export interface Batch {
  readonly records: readonly RecordEnvelope[];
  readonly throughSeq: number;
}

/** What the cloud has of a store. */
export type Acknowledged = Pick<Ack, 'storeEpoch' | 'ackedSeq' | 'refused'>;

/** Where a row comes from: written by this edge, read out of a damaged store, or out of a backup. */
export type Origin = 'own' | 'recovered' | 'restored';

/** Appends a record within a transaction, and keeps what it settles: a CDR, or a command's outcome. */
export function append(
  store: Store,
  body: RecordBody,
  at: Stamp,
  storedWallMs: number | null,
  origin: Origin = 'own',
): void {
  const sessionId = sessionIdOf(body);
  store.run(
    `INSERT INTO outbox (kind, session_id, at, body, origin) VALUES (?, ?, ?, ?, ?)`,
    body.kind,
    sessionId,
    JSON.stringify(at),
    JSON.stringify(body),
    origin,
  );
  if (body.kind === 'session.ended') {
    store.run(
      `INSERT INTO cdrs (cdr_id, session_id, body, stored_wall_ms, origin) VALUES (?, ?, ?, ?, ?) ON CONFLICT (cdr_id) DO NOTHING`,
      body.cdr.cdrId,
      sessionId,
      JSON.stringify(body.cdr),
      storedWallMs,
      origin,
    );
  }
  if (body.kind === 'command.reported' && body.status !== 'received') {
    store.run(
      `UPDATE inbox SET status = ?, outcome = ? WHERE command_id = ?`,
      body.status,
      JSON.stringify(body),
      body.commandId,
    );
  }
}

export function sessionIdOf(body: RecordBody): string | null {
  if (body.kind === 'session.ended') return body.cdr.sessionId;
  if (body.kind === 'occupancy.ended') return body.occupancy.sessionId;
  return 'sessionId' in body ? body.sessionId : null;
}

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
}

/** The oldest records behind `afterSeq` that the cloud does not have, as many as fit. A record that alone is too big goes alone. */
export function nextBatchOf(store: Store, limits: BatchLimits, afterSeq: number): Batch | null {
  const records: RecordEnvelope[] = [];
  let bytes = 0;
  const rows = store.rows(
    `SELECT seq, at, body FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?`,
    afterSeq,
    limits.records,
  );
  for (const row of rows) {
    bytes += String(row.body).length;
    if (records.length > 0 && bytes > limits.bytes) break;
    records.push({ seq: Number(row.seq), at: parseStored(row.at), body: parseStored(row.body) });
  }
  const last = records.at(-1);
  return last === undefined ? null : { records, throughSeq: last.seq };
}

/** What waits for the cloud: when the oldest was told, and what all of it takes, as far as the newest hundred tell. */
export function outboxLookOf(store: Store): { readonly oldestWallMs: number | null; readonly bytes: number } {
  const oldest = store.row(`SELECT at FROM outbox ORDER BY seq LIMIT 1`);
  const told = store.row(
    `SELECT (SELECT count(*) FROM outbox) * (SELECT coalesce(avg(length(body)), 0) FROM (SELECT body FROM outbox ORDER BY seq DESC LIMIT 100)) AS n`,
  );
  return {
    oldestWallMs: oldest === undefined ? null : parseStored<Stamp>(oldest.at).wallMs,
    bytes: Math.round(Number(told?.n ?? 0)),
  };
}

export function headSeqOf(store: Store): number {
  return Number(store.row(`SELECT seq FROM sqlite_sequence WHERE name = 'outbox'`)?.seq ?? 0);
}

/**
 * Within a transaction: the cloud has committed everything of this store up to `ackedSeq`. Refused records are kept aside for
 * a person. What it says of a store with another epoch is about other records under the same numbers.
 *
 * @returns sessions and reservations of whose begin the cloud now knows
 */
export function acknowledgeIn(store: Store, ack: Acknowledged): string[] {
  if (store.row(`SELECT 1 FROM meta WHERE key = 'store_epoch' AND value = ?`, ack.storeEpoch) === undefined) return [];
  for (const { seq, code, detail } of ack.refused) {
    store.run(
      `INSERT INTO dead_letters (seq, code, detail, body, at) SELECT seq, ?, ?, body, at FROM outbox WHERE seq = ? ON CONFLICT DO NOTHING`,
      code,
      detail,
      seq,
    );
  }
  const refused = new Set(ack.refused.map((entry) => entry.seq));
  const begun = store
    .rows(
      `SELECT seq, coalesce(session_id, body ->> 'reservationId') AS id FROM outbox
       WHERE kind IN ('session.started', 'reservation.active') AND seq <= ?`,
      ack.ackedSeq,
    )
    .filter((row) => !refused.has(Number(row.seq)))
    .map((row) => String(row.id));
  store.run(`DELETE FROM outbox WHERE seq <= ?`, ack.ackedSeq);
  store.run(
    `UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE key = 'acked_seq'`,
    Math.min(ack.ackedSeq, headSeqOf(store)),
  );
  return begun;
}
