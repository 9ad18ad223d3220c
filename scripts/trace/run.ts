import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { StaffConnection } from '../staff/client.ts';
import { defaultSessionFile, keptSession } from '../staff/session-file.ts';
import { readableProblem } from '../staff/show.ts';
import { type Trace, traceSchema, withSite } from './merge.ts';
import { readableTrace } from './show.ts';
import { notesFromSite, notesOnDisk } from './site-notes.ts';

const USAGE = `npm run trace -- <request_id> [--json]

  The whole story of one request of a partner, from both sides, in order of time.

  --url http://…      the cloud (PILEGATE_URL; default: where staff is logged in, or http://127.0.0.1:8080)
  --session <file>    the session of npm run staff -- login
  --data <folder>     the cloud's data folder on this machine, in place of a session (default: that of npm start)
  --edge-data <dir>   the edge's data folder on this machine: its notes are read there, and the site is not asked
  --cloud-only        do not ask the site
`;

const DEMO_CLOUD = join(import.meta.dirname, '..', '..', 'var', 'demo', 'cloud');

const options = {
  url: { type: 'string' },
  session: { type: 'string' },
  data: { type: 'string' },
  'edge-data': { type: 'string' },
  'cloud-only': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** Everything outside the command. */
export interface TraceTerminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
}

const answerSchema = z.object({ request_id: z.string(), traces: z.array(traceSchema) });

/** Prints the story of a request. @returns the exit code: 1 when the cloud refuses or knows nothing, 2 when it was typed wrongly */
export async function runTrace(args: readonly string[], terminal: TraceTerminal): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [requestId] = positionals;
    if (requestId === undefined || positionals.length > 1) {
      terminal.err(USAGE);
      return 2;
    }
    const connection = connectionOf(values, terminal);
    const path = `/staff/v1/trace/${encodeURIComponent(requestId)}`;
    const { status, body } = await connection.call({ method: 'GET', path, body: null });
    if (status !== 200) {
      terminal.err(readableProblem(body, status));
      return 1;
    }
    const { traces } = answerSchema.parse(body);
    const told: Trace[] = [];
    for (const trace of traces) told.push(await bothSides(connection, trace, values));
    const story = { request_id: requestId, traces: told };
    terminal.out(values.json ? `${JSON.stringify(story, null, 2)}\n` : readableTrace(requestId, told));
    return told.length === 0 ? 1 : 0;
  } catch (error) {
    terminal.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

interface Chosen {
  readonly url?: string | undefined;
  readonly session?: string | undefined;
  readonly data?: string | undefined;
  readonly 'edge-data'?: string | undefined;
  readonly 'cloud-only'?: boolean | undefined;
}

async function bothSides(connection: StaffConnection, trace: Trace, chosen: Chosen): Promise<Trace> {
  const folder = chosen['edge-data'];
  if (folder !== undefined) return withSite(trace, notesOnDisk(folder));
  if (chosen['cloud-only'] === true) return withSite(trace, { missing: 'it was not asked' });
  if (trace.site_id === null) return withSite(trace, { missing: 'no site was concerned' });
  return withSite(trace, await notesFromSite(connection, trace.site_id, { pause }));
}

/** As whoever is logged in; on the cloud's own machine, as the machine. */
function connectionOf(chosen: Chosen, { env }: TraceTerminal): StaffConnection {
  const session = chosen.data === undefined ? keptSession(chosen.session ?? defaultSessionFile(env)) : null;
  const url = chosen.url ?? env.PILEGATE_URL ?? session?.url ?? 'http://127.0.0.1:8080';
  if (session?.url === url) return new StaffConnection(url, session.token);
  const tokenFile = join(chosen.data ?? DEMO_CLOUD, 'keys', 'staff.token');
  if (!existsSync(tokenFile))
    throw new Error(`nobody is logged in at ${url}: npm run staff -- login staff_id=…, or --data`);
  return new StaffConnection(url, readFileSync(tokenFile, 'utf8').trim());
}
