import { z } from 'zod';
import type { SiteNote, SiteNotes } from './site-notes.ts';

const stepSchema = z.object({
  at: z.string(),
  source: z.string(),
  what: z.string(),
  request_id: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
});
export type Step = z.infer<typeof stepSchema>;

export const traceSchema = z.object({
  partner_id: z.string().nullable(),
  environment: z.string(),
  site_id: z.string().nullable(),
  connector_id: z.string().nullable(),
  order_id: z.string().nullable(),
  session_id: z.string().nullable(),
  request_ids: z.array(z.string()),
  steps: z.array(stepSchema),
  missing: z.array(z.string()),
});
export type Trace = z.infer<typeof traceSchema>;

/** What each note says, for a person. */
const words: Readonly<Record<string, string>> = {
  command: 'command is taken out of the inbox',
  decided: 'connector changes',
  written: 'pile is written',
  'not-written': 'pile could not be written',
  'read-back': 'pile is read back',
  'stop-proven': 'pile is seen to be off',
  stored: 'record is on the disk of the site',
  'not-stored': 'record could not be stored',
};

/** The cloud's story with what the site has noted of the same requests put in between, by its own clock. */
export function withSite(trace: Trace, told: SiteNotes): Trace {
  if ('missing' in told) return { ...trace, missing: [...trace.missing, `the side of the site: ${told.missing}`] };
  const own = told.notes.filter((note) => isOf(trace, note));
  const steps = [...trace.steps, ...own.map(stepOf)];
  // A clock that is a little apart must not put an answer before its question; within a source the order is as told.
  steps.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return { ...trace, steps, missing: [...trace.missing, ...missingOf(trace, own)] };
}

const isOf = ({ request_ids, session_id }: Trace, { requestIds, sessionId }: SiteNote): boolean =>
  (session_id !== null && sessionId === session_id) ||
  (sessionId === null && requestIds.some((id) => request_ids.includes(id)));

function stepOf({ wallMs, clock, what, detail, requestIds, connectorId }: SiteNote): Step {
  const doubt = clock === 'trusted' ? {} : { clock };
  const [requestId = null] = requestIds.length === 1 ? requestIds : [];
  const text = words[what] ?? what;
  return {
    at: new Date(wallMs).toISOString(),
    source: 'edge',
    what: text,
    request_id: requestId,
    detail: { connector_id: connectorId, ...detail, ...doubt },
  };
}

function missingOf({ steps, request_ids }: Trace, notes: readonly SiteNote[]): string[] {
  if (notes.length === 0) return [`the site has noted nothing of ${request_ids.join(', ')}`];
  const has = (what: string) => notes.some((note) => note.what === what);
  const isBegun = steps.some(({ what }) => what === 'operation start succeeded');
  const isEnded = steps.some(({ what }) => what === 'record session.ended is taken');
  return [
    ...(isBegun && !has('written') ? ['the register write is not among the notes of the site'] : []),
    ...(isBegun && !has('read-back') ? ['no look that read the write back is among the notes of the site'] : []),
    ...(isEnded && !has('stop-proven') ? ['no proof that the pile was off is among the notes of the site'] : []),
  ];
}
