import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { connectorIdSchema, parkingDeviceIdSchema } from '#shared/ids.ts';
import type { ConnectorView } from '#shared/wire/messages.ts';
import type { CommandResult } from '../runtime/parking-loop.ts';
import type { LineView } from '../runtime/site-lines.ts';
import type { ParkingView } from '../runtime/site-parking.ts';
import type { SyncView } from '../runtime/thread-messages.ts';

/** One line of JSON in, one line of JSON out. */
const requestSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('status') }),
  z.strictObject({ do: z.literal('lines') }),
  z.strictObject({ do: z.literal('parking') }),
  z.strictObject({ do: z.literal('reset'), connectorId: connectorIdSchema }),
  z.strictObject({ do: z.enum(['raise', 'lower']), deviceId: parkingDeviceIdSchema }),
]);
export type ControlRequest = z.infer<typeof requestSchema>;

export interface SiteStatus {
  readonly siteId: string;
  readonly connectors: readonly ConnectorView[];
  readonly sync: SyncView | null;
}

/** What there is to show, if anything. */
export type Shown =
  | { readonly kind: 'done' }
  | { readonly kind: 'status'; readonly status: SiteStatus }
  | { readonly kind: 'lines'; readonly lines: readonly LineView[] }
  | { readonly kind: 'parking'; readonly devices: readonly ParkingView[] };

export type ControlReply = { ok: true; shown: Shown } | { ok: false; error: string };

export interface ControlDeps {
  readonly status: () => SiteStatus;
  readonly lines: () => readonly LineView[];
  readonly parking: () => readonly ParkingView[];
  /** Null when there is no such device. */
  readonly move: (deviceId: string, move: 'raise' | 'lower') => Promise<CommandResult> | null;
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
  let isAsked = false;
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    // One question a connection: while its answer is awaited, nothing more is heard.
    if (isAsked) return;
    received += text;
    if (received.length > LONGEST_LINE)
      return void socket.end(`${JSON.stringify({ ok: false, error: 'line too long' })}\n`);
    const end = received.indexOf('\n');
    if (end < 0) return;
    isAsked = true;
    void answer(received.slice(0, end), deps).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
  });
}

async function answer(line: string, deps: ControlDeps): Promise<ControlReply> {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return { ok: false, error: 'not JSON' };
  }
  const parsed = requestSchema.safeParse(document);
  if (!parsed.success) return { ok: false, error: describeComplaints(complaintsOf(parsed.error)) };
  return await carryOut(parsed.data, deps);
}

const show = (shown: Shown): ControlReply => ({ ok: true, shown });

function carryOut(request: ControlRequest, deps: ControlDeps): ControlReply | Promise<ControlReply> {
  switch (request.do) {
    case 'status':
      return show({ kind: 'status', status: deps.status() });
    case 'lines':
      return show({ kind: 'lines', lines: deps.lines() });
    case 'parking':
      return show({ kind: 'parking', devices: deps.parking() });
    case 'reset':
      return reset(request.connectorId, deps);
    case 'raise':
    case 'lower':
      return move(request.deviceId, request.do, deps);
  }
}

function reset(connectorId: string, deps: ControlDeps): ControlReply {
  const outcome = deps.reset(connectorId);
  if ('refused' in outcome) return { ok: false, error: outcome.refused };
  deps.log.warn({ connectorId, faults: outcome.cleared }, 'technician clears latched faults');
  return show({ kind: 'done' });
}

async function move(deviceId: string, to: 'raise' | 'lower', deps: ControlDeps): Promise<ControlReply> {
  const moved = deps.move(deviceId, to);
  if (moved === null) return { ok: false, error: `no parking device ${deviceId}` };
  const result = await moved;
  return result.kind === 'done' ? show({ kind: 'done' }) : { ok: false, error: result.reason };
}
