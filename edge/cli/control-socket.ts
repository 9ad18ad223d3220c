import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import { connectorIdSchema, parkingDeviceIdSchema, siteInputIdSchema, tripOutputIdSchema } from '#shared/ids.ts';
import { type ConnectorView, maintenanceActionSchema } from '#shared/wire/messages.ts';
import type { Maintenance } from '../control/connector.ts';
import type { StorageHealth } from '../ledger/storage-health.ts';
import type { RulesView } from '../rules/rules-view.ts';
import type { DeviceView } from '../runtime/device-views.ts';
import type { InputView, OutputView } from '../runtime/io-views.ts';
import type { CommandResult } from '../runtime/parking-loop.ts';
import type { PowerView } from '../runtime/power-view.ts';
import type { ApplyResult } from '../runtime/rules-door.ts';
import type { AccessView, SiteAccess } from '../runtime/site-access.ts';
import type { ResetResult, SiteIo } from '../runtime/site-io.ts';
import type { LineView } from '../runtime/site-lines.ts';
import type { ParkingView } from '../runtime/site-parking.ts';
import type { SiteRules } from '../runtime/site-rules.ts';
import type { SyncView } from '../runtime/thread-messages.ts';
import {
  answerDeadLetters,
  type DeadLetterDeps,
  type DeadLettersShown,
  deadLetterRequests,
} from './dead-letters-command.ts';
import { answerDocuments, type DocumentDeps, type DocumentsShown, documentRequests } from './document-requests.ts';

/** One line of JSON in, one line of JSON out. */
const requestSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('status') }),
  z.strictObject({ do: z.literal('lines') }),
  z.strictObject({ do: z.literal('devices') }),
  z.strictObject({ do: z.literal('parking') }),
  z.strictObject({ do: z.literal('power') }),
  z.strictObject({ do: z.literal('storage') }),
  z.strictObject({ do: z.literal('cards') }),
  z.strictObject({ do: z.enum(['start', 'stop']), connectorId: connectorIdSchema, by: z.string().min(1).max(64) }),
  z.strictObject({
    do: z.literal('release'),
    connectorId: connectorIdSchema,
    why: z.string().trim().min(1).max(200),
    by: z.string().min(1).max(64),
  }),
  z.strictObject({ do: z.literal('confirm-store'), by: z.string().min(1).max(64) }),
  /** The edge has another working folder than whoever asks. */
  z.strictObject({ do: z.literal('back-up'), path: z.string().startsWith('/').max(1024) }),
  z.strictObject({ do: z.literal('inputs') }),
  z.strictObject({ do: z.enum(['rules', 'roll-back-rules']) }),
  z.strictObject({ do: z.literal('load-rules'), name: z.string().min(1).max(256), text: z.string() }),
  z.strictObject({ do: z.literal('reset'), connectorId: connectorIdSchema }),
  z.strictObject({ do: z.literal('reset-input'), inputId: siteInputIdSchema }),
  z.strictObject({ do: z.literal('reset-trip'), outputId: tripOutputIdSchema }),
  z.strictObject({
    do: maintenanceActionSchema,
    connectorId: connectorIdSchema,
    stopRunning: z.boolean(),
    by: z.string().min(1).max(64),
  }),
  z.strictObject({ do: z.enum(['raise', 'lower']), deviceId: parkingDeviceIdSchema }),
  ...documentRequests,
  ...deadLetterRequests,
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
  | { readonly kind: 'devices'; readonly devices: readonly DeviceView[] }
  | { readonly kind: 'parking'; readonly devices: readonly ParkingView[] }
  | { readonly kind: 'power'; readonly power: PowerView | null }
  | { readonly kind: 'inputs'; readonly inputs: readonly InputView[]; readonly outputs: readonly OutputView[] }
  | { readonly kind: 'rules'; readonly rules: RulesView }
  | DocumentsShown
  | DeadLettersShown
  | { readonly kind: 'cards'; readonly access: AccessView }
  | { readonly kind: 'storage'; readonly storage: StorageHealth };

export type ControlReply = { ok: true; shown: Shown } | { ok: false; error: string };

type Wish = Omit<Maintenance, 'commandId'>;

export interface ControlDeps extends DocumentDeps, DeadLetterDeps {
  readonly status: () => SiteStatus;
  readonly lines: () => readonly LineView[];
  readonly devices: () => readonly DeviceView[];
  readonly parking: () => readonly ParkingView[];
  /** Null where there is nothing to share. */
  readonly power: () => PowerView | null;
  readonly storage: () => StorageHealth;
  /** Charges may begin again after a damaged ledger has lost what must not be forgotten. Resolves when it is on disk. */
  readonly confirmLoss: () => Promise<void>;
  /** Copies the ledger to a new file. */
  readonly backUp: (path: string) => Promise<void>;
  readonly io: Pick<SiteIo, 'inputs' | 'outputs' | 'resetInput' | 'resetOutput'>;
  readonly rules: Pick<SiteRules, 'view' | 'apply' | 'rollBack'>;
  readonly access: Pick<SiteAccess, 'view' | 'beginByHand' | 'endByHand'>;
  /** Null when there is no such device. */
  readonly move: (deviceId: string, move: 'raise' | 'lower') => Promise<CommandResult> | null;
  /** Resolves with null when it is done, or with why it is not. */
  readonly maintain: (connectorId: string, wish: Wish) => Promise<string | null>;
  /** Ends what a connector is held for. Returns why there is nothing to end, or null. */
  readonly release: (connectorId: string, by: string, why: string) => string | null;
  readonly reset: (connectorId: string) => { refused: string } | { cleared: readonly string[] };
}

/** Room for a document of the largest size, as a text within JSON. */
const LONGEST_LINE = 1_048_576;

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
    case 'devices':
      return show({ kind: 'devices', devices: deps.devices() });
    case 'parking':
      return show({ kind: 'parking', devices: deps.parking() });
    case 'power':
      return show({ kind: 'power', power: deps.power() });
    case 'storage':
      return show({ kind: 'storage', storage: deps.storage() });
    case 'cards':
      return show({ kind: 'cards', access: deps.access.view() });
    case 'start':
      return charge(request, deps.access.beginByHand(request.connectorId, request.by), deps);
    case 'stop':
      return charge(request, Promise.resolve(deps.access.endByHand(request.connectorId, request.by)), deps);
    case 'release':
      return release(request, deps);
    case 'confirm-store':
      return confirmStore(request.by, deps);
    case 'back-up':
      return backUp(request.path, deps);
    case 'inputs':
      return show({ kind: 'inputs', inputs: deps.io.inputs(), outputs: deps.io.outputs() });
    case 'rules':
      return show({ kind: 'rules', rules: deps.rules.view() });
    case 'load-rules':
      return changeRules(request.do, deps.rules.apply(request.text, request.name), deps);
    case 'roll-back-rules':
      return changeRules(request.do, deps.rules.rollBack(), deps);
    case 'reset':
      return reset(request.connectorId, deps);
    case 'reset-input':
      return tellReset(request, deps.io.resetInput(request.inputId), deps);
    case 'reset-trip':
      return deps.io.resetOutput(request.outputId).then((result) => tellReset(request, result, deps));
    case 'disable':
    case 'enable':
    case 'reboot':
    case 'unlock': {
      const { connectorId, do: action, stopRunning, by } = request;
      return maintain(connectorId, { action, stopRunning, by: `local:${by}` }, deps);
    }
    case 'documents':
    case 'show-document':
    case 'load-document':
    case 'check-document':
    case 'compare-document':
    case 'roll-back-document':
      return answerDocuments(request, deps);
    case 'dead-letters':
    case 'send-again':
    case 'drop':
      return answerDeadLetters(request, deps);
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

/** @param ended resolves with null when it is done, or with why it is not */
async function charge(
  { do: what, connectorId, by }: Extract<ControlRequest, { do: 'start' | 'stop' }>,
  ended: Promise<string | null>,
  { log }: ControlDeps,
): Promise<ControlReply> {
  const refused = await ended;
  log.warn({ what, connectorId, by: `local:${by}`, refused }, 'technician begins or ends a charge');
  return refused === null ? show({ kind: 'done' }) : { ok: false, error: refused };
}

function release(
  { connectorId, why, by }: Extract<ControlRequest, { do: 'release' }>,
  deps: ControlDeps,
): ControlReply {
  const refused = deps.release(connectorId, `local:${by}`, why);
  deps.log.warn({ connectorId, why, by: `local:${by}`, refused }, 'technician releases a reservation');
  return refused === null ? show({ kind: 'done' }) : { ok: false, error: refused };
}

async function confirmStore(by: string, deps: ControlDeps): Promise<ControlReply> {
  const lost = deps.storage().unconfirmedLoss;
  if (lost.length === 0) return { ok: false, error: 'there is nothing to confirm' };
  try {
    await deps.confirmLoss();
  } catch (error) {
    return { ok: false, error: messageOf(error) };
  }
  deps.log.warn({ lost, by: `local:${by}` }, 'technician confirms what the ledger has lost');
  return show({ kind: 'done' });
}

async function backUp(path: string, deps: ControlDeps): Promise<ControlReply> {
  try {
    await deps.backUp(path);
  } catch (error) {
    return { ok: false, error: messageOf(error) };
  }
  deps.log.info({ path }, 'technician backs the ledger up');
  return show({ kind: 'done' });
}

function tellReset(request: ControlRequest, result: ResetResult, { log }: ControlDeps): ControlReply {
  if ('refused' in result) return { ok: false, error: result.refused };
  log.warn(request, 'technician resets an input or a trip output');
  return show({ kind: 'done' });
}

async function changeRules(what: string, change: Promise<ApplyResult>, { log }: ControlDeps): Promise<ControlReply> {
  const result = await change;
  log.warn({ what, ...result }, 'technician changes the rules of the site');
  return result.kind === 'done' ? show({ kind: 'done' }) : { ok: false, error: result.reason };
}

async function maintain(connectorId: string, wish: Wish, deps: ControlDeps): Promise<ControlReply> {
  const refused = await deps.maintain(connectorId, wish);
  deps.log.warn({ connectorId, ...wish, refused }, 'technician does maintenance');
  return refused === null ? show({ kind: 'done' }) : { ok: false, error: refused };
}

async function move(deviceId: string, to: 'raise' | 'lower', deps: ControlDeps): Promise<ControlReply> {
  const moved = deps.move(deviceId, to);
  if (moved === null) return { ok: false, error: `no parking device ${deviceId}` };
  const result = await moved;
  return result.kind === 'done' ? show({ kind: 'done' }) : { ok: false, error: result.reason };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
