import type { Stamp } from '#shared/stamp.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { append, sessionIdOf } from './outbox.ts';
import type { Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

/** A record that the cloud has refused. */
export interface DeadLetter {
  /** Below zero: that of a former epoch. */
  readonly seq: number;
  readonly kind: string;
  readonly sessionId: string | null;
  /** Why, in the words of the cloud. */
  readonly code: string;
  readonly detail: string;
}

/** What a technician wants done with one of them. */
export interface DeadLetterChange {
  readonly act: 'send-again' | 'drop';
  readonly seq: number;
}

interface StoredLetter extends DeadLetter {
  readonly body: RecordBody;
  readonly at: Stamp | null;
}

/** They tell of money, and stay until the cloud has them. */
const NEVER_DROPPED: readonly string[] = ['session.started', 'session.ended', 'occupancy.ended'];

function lettersIn(store: Store): StoredLetter[] {
  return store.rows(`SELECT seq, code, detail, body, at FROM dead_letters ORDER BY seq`).map((row) => {
    const body: RecordBody = parseStored(row.body);
    return {
      seq: Number(row.seq),
      kind: body.kind,
      sessionId: sessionIdOf(body),
      code: String(row.code),
      detail: String(row.detail),
      body,
      at: row.at === null ? null : parseStored(row.at),
    };
  });
}

/** In the order in which they were written. */
export const deadLettersIn = (store: Store): DeadLetter[] =>
  lettersIn(store).map(({ seq, kind, sessionId, code, detail }) => ({ seq, kind, sessionId, code, detail }));

/**
 * Within a transaction: a record that is to be sent again goes out as a new one with the same body and time, behind the refused ones
 * of the same session that were written before it.
 *
 * @returns why it is not done; null when it is
 */
export function changeDeadLetterIn(
  store: Store,
  { act, seq }: DeadLetterChange,
  now: Stamp,
  storedWallMs: number | null,
): string | null {
  const letters = lettersIn(store);
  const letter = letters.find((one) => one.seq === seq);
  if (letter === undefined) return 'there is no such record';
  if (act === 'drop' && NEVER_DROPPED.includes(letter.kind))
    return `${letter.kind} tells of money, and is never dropped`;
  const isMeant = (one: StoredLetter) =>
    one === letter || (act === 'send-again' && one.seq < seq && isSameSession(one, letter));
  for (const one of letters.filter(isMeant)) {
    if (act === 'send-again') append(store, one.body, one.at ?? now, storedWallMs);
    store.run(`DELETE FROM dead_letters WHERE seq = ?`, one.seq);
  }
  return null;
}

const isSameSession = (one: DeadLetter, other: DeadLetter): boolean =>
  one.sessionId !== null && one.sessionId === other.sessionId;
