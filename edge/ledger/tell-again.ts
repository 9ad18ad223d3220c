import type { Stamp } from '#shared/stamp.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import type { Welcome } from '#shared/wire/messages.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { append, type Origin } from './outbox.ts';
import type { Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

/** Events that the cloud has lost after it had acknowledged them. */
export type Gap = NonNullable<Welcome['tellAgain']>;

/** Told again when records may have been lost: the cloud takes each CDR once, by its own id. */
export const CDRS_TOLD_AGAIN = 2000;
const OUTCOMES_TOLD_AGAIN = 2000;

/** Within a transaction: the newest CDRs that do not wait for the cloud anyway are told again, oldest first. */
export function tellCdrsAgain(store: Store, origin: Origin, most: number): void {
  const told = store.rows(
    `SELECT body, stored_wall_ms FROM cdrs
     WHERE session_id NOT IN (SELECT session_id FROM outbox WHERE kind = 'session.ended') ORDER BY rowid DESC LIMIT ?`,
    most,
  );
  for (const row of told.reverse()) {
    const cdr = cdrSchema.parse(parseStored(row.body));
    const wallMs = row.stored_wall_ms === null ? null : Number(row.stored_wall_ms);
    append(store, { kind: 'session.ended', cdr }, cdr.endedAt, wallMs, origin);
  }
}

/** Within a transaction: the newest outcomes of commands that do not wait for the cloud anyway. */
function tellOutcomesAgain(store: Store, at: Stamp, storedWallMs: number | null, most: number): void {
  const told = store.rows(
    `SELECT outcome FROM inbox WHERE outcome IS NOT NULL AND command_id NOT IN
       (SELECT body ->> 'commandId' FROM outbox WHERE kind = 'command.reported') ORDER BY rowid DESC LIMIT ?`,
    most,
  );
  for (const row of told.reverse()) append(store, parseStored<RecordBody>(row.outcome), at, storedWallMs);
}

/** The last gap that was answered; null when none was. */
export function toldAgainIn(store: Store): string | null {
  const gapId = store.row(`SELECT value FROM meta WHERE key = 'told_again'`)?.value;
  return gapId === undefined ? null : String(gapId);
}

/**
 * Within a transaction: the cloud has lost what it had acknowledged. Of what those records told the store still has CDRs and outcomes of
 * commands; no more of them than the gap has records can be meant, and these are the newest. Each gap is answered once.
 */
export function tellAgainIn(store: Store, { gapId, firstSeq, lastSeq }: Gap, at: Stamp, storedWallMs: number | null) {
  if (toldAgainIn(store) === gapId) return;
  const most = lastSeq + 1 - firstSeq;
  tellOutcomesAgain(store, at, storedWallMs, Math.min(most, OUTCOMES_TOLD_AGAIN));
  tellCdrsAgain(store, 'own', Math.min(most, CDRS_TOLD_AGAIN));
  store.run(
    `INSERT INTO meta (key, value) VALUES ('told_again', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    gapId,
  );
}
