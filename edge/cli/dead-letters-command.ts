import type { Logger } from 'pino';
import { z } from 'zod';
import type { DeadLetter, DeadLetterChange } from '../ledger/dead-letters.ts';

/** What a technician may ask of the records that the cloud has refused. */
export const deadLetterRequests = [
  z.strictObject({ do: z.literal('dead-letters') }),
  z.strictObject({ do: z.enum(['send-again', 'drop']), seq: z.int(), by: z.string().min(1).max(64) }),
] as const;
export type DeadLetterRequest = z.infer<(typeof deadLetterRequests)[number]>;

export interface DeadLettersShown {
  readonly kind: 'dead-letters';
  readonly letters: readonly DeadLetter[];
}
export type DeadLetterReply =
  | { readonly ok: true; readonly shown: DeadLettersShown }
  | { readonly ok: false; readonly error: string };

/** What there is after the change, and why that was not done; null when it was. */
export interface DeadLetterOutcome {
  readonly letters: readonly DeadLetter[];
  readonly refused: string | null;
}

export interface DeadLetterDeps {
  /** @param change null: nothing is changed */
  readonly deadLetters: (change: DeadLetterChange | null) => Promise<DeadLetterOutcome>;
  readonly log: Logger;
}

export async function answerDeadLetters(
  request: DeadLetterRequest,
  { deadLetters, log }: DeadLetterDeps,
): Promise<DeadLetterReply> {
  const change = request.do === 'dead-letters' ? null : { act: request.do, seq: request.seq };
  let outcome: DeadLetterOutcome;
  try {
    outcome = await deadLetters(change);
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
  const { letters, refused } = outcome;
  if (request.do !== 'dead-letters')
    log.warn({ ...change, by: `local:${request.by}`, refused }, 'technician deals with a refused record');
  return refused === null ? { ok: true, shown: { kind: 'dead-letters', letters } } : { ok: false, error: refused };
}

/** Records of a former epoch have numbers below zero, which would look like an option. */
const FORMER = 'former-';

/**
 * What the words after `dead-letters` ask for; null when they are not understood.
 *
 * @param by who sits at the keyboard
 */
export function deadLetterRequestOf(words: readonly string[], by: string): DeadLetterRequest | null {
  const [verb, number, ...more] = words;
  if (verb === undefined || (verb === 'list' && number === undefined)) return { do: 'dead-letters' };
  const digits = /^(?:former-)?(\d{1,15})$/.exec(number ?? '')?.[1];
  if (digits === undefined || more.length > 0) return null;
  const seq = number?.startsWith(FORMER) === true ? -Number(digits) : Number(digits);
  if (verb === 'retry') return { do: 'send-again', seq, by };
  return verb === 'drop' ? { do: 'drop', seq, by } : null;
}

/** The refused records as text for a terminal. */
export function deadLettersText(letters: readonly DeadLetter[]): string {
  if (letters.length === 0) return 'the cloud has refused nothing that is still here';
  return letters
    .map(({ seq, kind, sessionId, code, detail }) => {
      const number = seq < 0 ? `${FORMER}${-seq}` : String(seq);
      const session = sessionId === null ? '' : `  session ${sessionId}`;
      return `${number.padStart(10)}  ${kind.padEnd(18)} ${code}: ${detail}${session}`;
    })
    .join('\n');
}
