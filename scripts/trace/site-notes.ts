import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { requestNoteFiles } from '../../edge/runtime/request-notes.ts';
import type { StaffConnection } from '../staff/client.ts';

const noteSchema = z.object({
  wallMs: z.number(),
  monoMs: z.number(),
  clock: z.string(),
  connectorId: z.string(),
  requestIds: z.array(z.string()),
  sessionId: z.string().nullable(),
  what: z.string(),
  detail: z.record(z.string(), z.unknown()),
});
export type SiteNote = z.infer<typeof noteSchema>;

/** What a site has noted, or why it cannot be told. */
export type SiteNotes = { readonly notes: readonly SiteNote[] } | { readonly missing: string };

const PIECES_WITHIN_MS = 45_000;
const LOOK_EVERY_MS = 500;

/** Reads the notes out of the data folder of an edge on this machine, be it running or not. */
export function notesOnDisk(dataDir: string): SiteNotes {
  const files = requestNoteFiles(dataDir).filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
  if (files.length === 0) return { missing: `no notes of requests in ${dataDir}` };
  // Oldest first; the last line may just be being written.
  const lines = files.reverse().flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}')),
  );
  return { notes: lines.map((line) => noteSchema.parse(JSON.parse(line))) };
}

const bundleSchema = z.object({ bundle_id: z.string(), status: z.string() });
const factsSchema = z.object({ requests: z.union([z.array(noteSchema), z.string()]).optional() });

/** Asks a site for a diagnostics bundle, waits for it, and takes the notes out of it. */
export async function notesFromSite(
  connection: Pick<StaffConnection, 'call' | 'download'>,
  siteId: string,
  { pause }: { readonly pause: (ms: number) => Promise<void> },
): Promise<SiteNotes> {
  const path = `/staff/v1/sites/${encodeURIComponent(siteId)}/diagnostics`;
  const call = { method: 'POST', path, body: { requested_by: 'npm run trace' } };
  const asked = await connection.call(call);
  if (asked.status !== 202) return { missing: `the site may not be asked: ${asked.status}` };
  const { bundle_id: bundleId } = bundleSchema.parse(asked.body);
  const own = `/staff/v1/diagnostics/${bundleId}`;
  for (let waitedMs = 0; waitedMs < PIECES_WITHIN_MS; waitedMs += LOOK_EVERY_MS) {
    const { status } = bundleSchema.parse((await connection.call({ method: 'GET', path: own, body: null })).body);
    if (status !== 'complete') {
      await pause(LOOK_EVERY_MS);
      continue;
    }
    const { requests } = factsSchema.parse(
      JSON.parse(gunzipSync(await connection.download(`${own}/content`)).toString('utf8')),
    );
    if (Array.isArray(requests)) return { notes: requests };
    return { missing: requests ?? 'this version of the edge keeps no notes of requests' };
  }
  return {
    missing: `site ${siteId} has not answered within ${PIECES_WITHIN_MS / 1000} s; ask again when it is online`,
  };
}
