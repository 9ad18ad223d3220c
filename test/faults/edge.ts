import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { z } from 'zod';
import type { FaultCode } from '#shared/faults.ts';
import type { BootClock } from '#shared/stamp.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { ConnectorView, StopCommand } from '#shared/wire/messages.ts';
import type { RecordBody, RecordOf } from '#shared/wire/records.ts';
import type { LineConfig, MeterConfig, ParkingConfig, PileConfig, SiteConfig } from '../../edge/config/site.ts';
import { devicesOf } from '../../edge/config/site-devices.ts';
import { type IoBoardConfig, ioBoardSchema } from '../../edge/config/site-io.ts';
import { defaultStorage } from '../../edge/config/storage.ts';
import { type Influence, noInfluence } from '../../edge/control/influence.ts';
import type { Session } from '../../edge/control/session.ts';
import { startCommand, stopCommand } from '../../edge/control/testing.ts';
import { loadProfiles, packagedProfiles } from '../../edge/devices/load-profiles.ts';
import type { StorageHealth } from '../../edge/ledger/storage-health.ts';
import { Field } from '../../edge/runtime/field.ts';
import type { InputView, OutputView } from '../../edge/runtime/io-views.ts';
import type { CommandResult } from '../../edge/runtime/parking-loop.ts';
import type { ApplyResult } from '../../edge/runtime/rules-door.ts';
import type { ResetResult } from '../../edge/runtime/site-io.ts';
import type { LineView } from '../../edge/runtime/site-lines.ts';
import type { ParkingView } from '../../edge/runtime/site-parking.ts';
import { readBootId, stamper, systemClock, systemTimers } from '../../edge/runtime/system-time.ts';
import type { LineSettings } from '../../hardware-sim/line/line-settings.ts';
import type { StationLine } from '../../hardware-sim/line/open-station-line.ts';
import { present } from './station.ts';

const profiles = loadProfiles(packagedProfiles);
const clock: BootClock = {
  bootId: readBootId(),
  offsetMs: Math.round(systemClock.wallMs() - systemClock.monoMs()),
  quality: 'trusted',
};
const START_TTL_MS = 60_000;

const healthyStorage: StorageHealth = {
  level: 'ample',
  freeBytes: 1e9,
  ledgerBytes: 0,
  samplesBytes: 0,
  ballast: 'held',
  mayCharge: true,
  reason: null,
  storeEpoch: randomUUID(),
  damage: null,
  unconfirmedLoss: [],
  writtenBytes: 0,
  writtenPerPileDayBytes: null,
};

export type EdgePile = Pick<PileConfig, 'pileId' | 'lineId' | 'unit' | 'profile' | 'limitMa'> &
  Partial<Pick<PileConfig, 'meterId' | 'socket'>>;

export interface EdgeShape {
  readonly lines: readonly LineConfig[];
  readonly piles: readonly EdgePile[];
  readonly meters?: readonly MeterConfig[];
  /** Each guards the bay of a pile. */
  readonly parking?: readonly (Omit<ParkingConfig, 'connectorId'> & { readonly pileId: string })[];
  /** As a site's file has them; connectors are named as here. */
  readonly io?: readonly z.input<typeof ioBoardSchema>[];
  /** What one charge may take at most, as a site's file has it. */
  readonly charge?: SiteConfig['charge'];
  /** Sessions that an earlier process left open, and inputs and outputs that it left latched. */
  readonly sessions?: readonly Session[];
  readonly inputs?: readonly string[];
}

/** How the edge would be told of a simulated line. */
export function lineConfigOf(settings: LineSettings, { line }: StationLine): LineConfig {
  const { address } = line;
  const { lineId } = settings;
  if (address.transport === 'serial') {
    if (settings.transport !== 'serial') throw new TypeError(`${lineId} is not serial`);
    const { baud, parity, stopBits } = settings;
    return { lineId, transport: 'serial', path: address.path, baud, parity, stopBits };
  }
  if (address.transport === 'memory') throw new TypeError(`${lineId} is not a real line`);
  const { host, port } = address;
  return settings.transport === 'rtu-over-tcp'
    ? { lineId, transport: 'rtu-over-tcp', host, port, gatewayBaud: settings.baud }
    : { lineId, transport: 'tcp', host, port };
}

/** The edge's lines, loops and minds as it assembles them itself; the ledger takes everything at once, and the cloud has it. */
export class Edge {
  readonly records: RecordBody[] = [];
  readonly sessions = new Map<string, Session>();
  /** Latched faults by connector, as they are stored. */
  readonly #latched = new Map<string, readonly FaultCode[]>();
  /** Inputs and trip outputs that are latched, as they are stored. */
  readonly latchedInputs = new Set<string>();
  readonly logged: Record<string, unknown>[] = [];
  readonly #field: Field;

  constructor(shape: EdgeShape) {
    const site = siteOf(shape);
    for (const inputId of shape.inputs ?? []) this.latchedInputs.add(inputId);
    this.#field = new Field({
      site,
      devices: devicesOf(site, profiles),
      opened: {
        kind: 'opened',
        storeEpoch: randomUUID(),
        sessions: [...(shape.sessions ?? [])],
        commands: [],
        cancelled: [],
        latches: new Map(),
        restored: new Set(),
        devices: new Map(),
        occupancies: new Map(),
        reservations: new Map(),
        service: new Map(),
        inputs: [...(shape.inputs ?? [])],
        rules: [],
        documents: [],
        storage: healthyStorage,
      },
      clock: systemClock,
      timers: systemTimers,
      stamp: stamper(systemClock, () => clock),
      newId: randomUUID,
      log: pino({ level: 'info' }, { write: (text: string) => void this.logged.push(JSON.parse(text)) }),
      commit: ({ session, records, latched, inputs }) => {
        if (inputs?.latched === true) this.latchedInputs.add(inputs.inputId);
        if (inputs?.latched === false) this.latchedInputs.delete(inputs.inputId);
        if (session !== null) this.sessions.set(session.session.pileId, session.session);
        if (latched !== undefined) this.#latched.set(latched.connectorId, latched.faults);
        this.records.push(...records);
        for (const body of records)
          if (body.kind === 'session.started') queueMicrotask(() => this.#field.acknowledged(body.sessionId));
        return Promise.resolve();
      },
      cardKey: null,
      documents: { tariffs: () => null, cards: () => null },
      onTurn: () => {},
      onView: () => {},
      storeRules: () => Promise.resolve(),
      surroundings: () => ({ storageLevel: healthyStorage.level, isLinkUp: true }),
    });
    this.#field.start();
  }

  start(pileId: string): void {
    const nowMs = Date.now();
    const expiresAtMs = nowMs + START_TTL_MS;
    const ids = { commandId: randomUUID(), orderId: randomUUID(), requestId: randomUUID() };
    this.#field.command(
      startCommand({ ...ids, connectorId: connectorOf(pileId), issuedAtMs: nowMs, expiresAtMs, ttlMs: START_TTL_MS }),
    );
  }

  stop(pileId: string, reason: StopCommand['reason'] = 'partner'): void {
    const { sessionId } = present(this.sessions.get(pileId), `session at ${pileId}`);
    const change = { commandId: randomUUID(), connectorId: connectorOf(pileId), issuedAtMs: Date.now(), reason };
    this.#field.command(stopCommand(sessionId, change));
  }

  view(pileId: string): ConnectorView {
    const view = this.#field.view().find((one) => one.pileId === pileId);
    return present(view, pileId);
  }

  /** Moves a ground lock or barrier, as a technician would. */
  move(deviceId: string, move: 'raise' | 'lower'): Promise<CommandResult> {
    const result = this.#field.moveParking(deviceId, move, 'test');
    if (result === null) throw new TypeError(`there is no ${deviceId}`);
    return result;
  }

  parking(deviceId: string): ParkingView {
    const view = this.#field.parking().find((one) => one.deviceId === deviceId);
    return present(view, deviceId);
  }

  /** Puts site rules into force, as a technician would. */
  applyRules(document: object): Promise<ApplyResult> {
    return this.#field.rules.apply(JSON.stringify(document), 'rules.json');
  }

  /** What the health of the controller says to every connector. */
  health(change: Partial<Influence>): void {
    this.#field.influenceAll('health', { ...noInfluence, ...change });
  }

  input(inputId: string): InputView {
    return present(
      this.#field.io.inputs().find((one) => one.inputId === inputId),
      inputId,
    );
  }

  output(outputId: string): OutputView {
    return present(
      this.#field.io.outputs().find((one) => one.outputId === outputId),
      outputId,
    );
  }

  resetInput(inputId: string): ResetResult {
    return this.#field.io.resetInput(inputId);
  }

  resetTrip(outputId: string): Promise<ResetResult> {
    return this.#field.io.resetOutput(outputId);
  }

  /** Cuts a pile off, as the last rung of a stop does. */
  trip(pileId: string): Promise<void> {
    return this.#field.io.trip(connectorOf(pileId));
  }

  /** Alarms about the site as a whole: "code: detail". */
  siteAlarms(): string[] {
    return this.records.flatMap((body) =>
      body.kind === 'alarm.raised' && body.pileId === null ? [`${body.code}: ${body.detail}`] : [],
    );
  }

  line(lineId: string): LineView {
    const view = this.#field.lines().find((one) => one.lineId === lineId);
    return present(view, lineId);
  }

  cdr(pileId: string): Cdr | null {
    const ended = this.records.find((body) => body.kind === 'session.ended' && body.cdr.pileId === pileId);
    return ended?.kind === 'session.ended' ? ended.cdr : null;
  }

  alarms(pileId: string): RecordOf<'alarm.raised'>[] {
    return this.records.filter(
      (body): body is RecordOf<'alarm.raised'> => body.kind === 'alarm.raised' && body.pileId === pileId,
    );
  }

  latches(pileId: string): readonly FaultCode[] {
    return this.#latched.get(connectorOf(pileId)) ?? [];
  }

  alarmCodes(pileId: string): FaultCode[] {
    return this.alarms(pileId).map(({ code }) => code);
  }

  /** The failures that commands were answered with. */
  refusals(): (string | null)[] {
    return this.records.flatMap((body) =>
      body.kind === 'command.reported' && body.status === 'failed' ? [body.code] : [],
    );
  }

  /** The same with what they were told: "code: detail". */
  failures(): string[] {
    return this.records.flatMap((body) =>
      body.kind === 'command.reported' && body.status === 'failed' ? [`${body.code}: ${body.detail}`] : [],
    );
  }

  /** What was written to a pile by its loop, in order: start, softStop, hardStop. */
  written(pileId: string): unknown[] {
    return this.logged
      .filter((line) => line.pileId === pileId && line.msg === 'pile is written')
      .map(({ write }) => write);
  }

  close(): Promise<void> {
    return this.#field.close();
  }
}

const connectorOf = (pileId: string): string => `${pileId}-1`;

function siteOf({ lines, piles, meters = [], parking = [], io = [], charge = {} }: EdgeShape): SiteConfig {
  return {
    file: 'in memory',
    siteId: 'faults',
    dataDir: '/nowhere',
    supplyLimitMa: 1_000_000,
    charge,
    storage: defaultStorage,
    cloud: { brokerUrl: 'mqtt://127.0.0.1:1', shard: 0 },
    lines: [...lines],
    piles: piles.map((pile) => ({ ...pile, connectorId: connectorOf(pile.pileId) })),
    meters: [...meters],
    parking: parking.map(({ pileId, ...device }) => ({ ...device, connectorId: connectorOf(pileId) })),
    io: io.map((board): IoBoardConfig => ioBoardSchema.parse(board)),
    readers: [],
  };
}
