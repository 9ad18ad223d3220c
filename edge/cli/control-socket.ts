import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { connectorIdSchema } from '#shared/ids.ts';
import type { ConnectorView } from '#shared/wire/messages.ts';
import type { SyncView } from '../runtime/thread-messages.ts';

/** One line of JSON in, one line of JSON out. */
const requestSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('status') }),
  z.strictObject({ do: z.literal('reset'), connectorId: connectorIdSchema }),
]);
export type ControlRequest = z.infer<typeof requestSchema>;

export interface SiteStatus {
  readonly siteId: string;
  readonly connectors: readonly ConnectorView[];
  readonly sync: SyncView | null;
}

export type ControlReply = { ok: true; status?: SiteStatus } | { ok: false; error: string };

export interface ControlDeps {
  readonly status: () => SiteStatus;
  readonly reset: (connectorId: string) => { refused: string } | { cleared: readonly string[] };
  readonly log: Logger;
}

const LONGEST_LINE = 4096;

export const controlSocketPath = (dataDir: string): string => join(dataDir, 'run', 'control.sock');

/**
 * The technician's door: a Unix socket that only the owner of the data folder can open. Who may use it is decided by
 * file permissions, made before the socket exists.
 */
export async function openControlSocket(
  dataDir: string,
  deps: ControlDeps,
): Promise<{ path: string; close: () => Promise<void> }> {
  const path = controlSocketPath(dataDir);
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  // The folder may have been there already, with other permissions.
  chmodSync(folder, 0o700);
  rmSync(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    serve(socket, deps);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return { path, close: () => closeServer(server, open) };
}

function closeServer(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  for (const socket of open) socket.destroy();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function serve(socket: Socket, deps: ControlDeps): void {
  let received = '';
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    received += text;
    if (received.length > LONGEST_LINE)
      return void socket.end(`${JSON.stringify({ ok: false, error: 'line too long' })}\n`);
    const end = received.indexOf('\n');
    if (end < 0) return;
    socket.end(`${JSON.stringify(answer(received.slice(0, end), deps))}\n`);
  });
}

function answer(line: string, deps: ControlDeps): ControlReply {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return { ok: false, error: 'not JSON' };
  }
  const parsed = requestSchema.safeParse(document);
  if (!parsed.success) return { ok: false, error: describeComplaints(complaintsOf(parsed.error)) };
  const request = parsed.data;
  if (request.do === 'status') return { ok: true, status: deps.status() };
  const { connectorId } = request;
  const outcome = deps.reset(connectorId);
  if ('refused' in outcome) return { ok: false, error: outcome.refused };
  deps.log.warn({ connectorId, faults: outcome.cleared }, 'technician clears latched faults');
  return { ok: true };
}
