import { z } from 'zod';
import { storable } from '../ingest/storable.ts';
import type { PostOutcome } from './post.ts';

const MOST = 20;
const ERROR_CHARACTERS = 500;

const triesSchema = z.array(
  z.object({
    at_ms: z.number(),
    duration_ms: z.number(),
    http_status: z.number().nullable(),
    error: z.string().nullable(),
  }),
);
/** One attempt, as it is stored with its delivery. */
export type Try = z.infer<typeof triesSchema>[number];

export const readTries = (stored: string | null): Try[] =>
  stored === null ? [] : triesSchema.parse(JSON.parse(stored));

/** The stored attempts with one more; only the last are kept. */
export const addTry = (stored: string | null, one: Try): string =>
  JSON.stringify([...readTries(stored), one].slice(-MOST));

/** Two hundred and something is success. A redirect is not: the receiver that was checked is the one that has to answer. */
export const isDelivered = (outcome: PostOutcome): boolean =>
  outcome.kind === 'answered' && outcome.status >= 200 && outcome.status < 300;

export function tryOf(outcome: PostOutcome, atMs: number, durationMs: number): Try {
  const when = { at_ms: atMs, duration_ms: durationMs };
  if (outcome.kind === 'failed')
    return { ...when, http_status: null, error: storable(outcome.error, ERROR_CHARACTERS) };
  return { ...when, http_status: outcome.status, error: isDelivered(outcome) ? null : `HTTP ${outcome.status}` };
}
