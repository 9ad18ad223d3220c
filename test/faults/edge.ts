import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { FaultCode } from '#shared/faults.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { ConnectorView, StopCommand } from '#shared/wire/messages.ts';
import type { RecordBody, RecordOf } from '#shared/wire/records.ts';
import type { LineConfig, MeterConfig, ParkingConfig, PileConfig, SiteConfig } from '../../edge/config/site.ts';
import { devicesOf } from '../../edge/config/site-devices.ts';
import type { Session } from '../../edge/control/session.ts';
import { startCommand, stopCommand } from '../../edge/control/testing.ts';
import { loadProfiles, packagedProfiles } from '../../edge/devices/load-profiles.ts';
import { Field } from '../../edge/runtime/field.ts';
import type { CommandResult } from '../../edge/runtime/parking-loop.ts';
import type { LineView } from '../../edge/runtime/site-lines.ts';
import type { ParkingView } from '../../edge/runtime/site-parking.ts';
import { readBootId, stamper, systemClock, systemTimers } from '../../edge/runtime/system-time.ts';
import type { LineSettings } from '../../hardware-sim/line/line-settings.ts';
import type { StationLine } from '../../hardware-sim/line/open-station-line.ts';
import { present } from './station.ts';

const profiles = loadProfiles(packagedProfiles);
const bootId = readBootId();
const START_TTL_MS = 60_000;

export type EdgePile = Pick<PileConfig, 'pileId' | 'lineId' | 'unit' | 'profile' | 'limitMa'> &
  Partial<Pick<PileConfig, 'meterId' | 'socket'>>;

export interface EdgeShape {
  readonly lines: readonly LineConfig[];
  readonly piles: readonly EdgePile[];
  readonly meters?: readonly MeterConfig[];
  /** Each guards the bay of a pile. */
  readonly parking?: readonly (Omit<ParkingConfig, 'connectorId'> & { readonly pileId: string })[];
  /** Sessions that an earlier process left open. */
  readonly sessions?: readonly Session[];
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
  readonly logged: Record<string, unknown>[] = [];
  readonly #field: Field;

  constructor(shape: EdgeShape) {
    const site = siteOf(shape);
    this.#field = new Field({
      site,
      devices: devicesOf(site, profiles),
      opened: {
        kind: 'opened',
        storeEpoch: randomUUID(),
        sessions: [...(shape.sessions ?? [])],
        commands: [],
        cancelled: [],
        latches: [],
      },
      clock: systemClock,
      timers: systemTimers,
      stamp: stamper(systemClock, bootId),
      newId: randomUUID,
      log: pino({ level: 'info' }, { write: (text: string) => void this.logged.push(JSON.parse(text)) }),
      commit: ({ session, records, latched }) => {
        if (session !== null) this.sessions.set(session.session.pileId, session.session);
        if (latched !== undefined) this.#latched.set(latched.connectorId, latched.faults);
        this.records.push(...records);
        for (const body of records)
          if (body.kind === 'session.started') queueMicrotask(() => this.#field.acknowledged(body.sessionId));
        return Promise.resolve();
      },
      onView: () => {},
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

function siteOf({ lines, piles, meters = [], parking = [] }: EdgeShape): SiteConfig {
  return {
    file: 'in memory',
    siteId: 'faults',
    dataDir: '/nowhere',
    supplyLimitMa: 1_000_000,
    cloud: { brokerUrl: 'mqtt://127.0.0.1:1', shard: 0 },
    lines: [...lines],
    piles: piles.map((pile) => ({ ...pile, connectorId: connectorOf(pile.pileId) })),
    meters: [...meters],
    parking: parking.map(({ pileId, ...device }) => ({ ...device, connectorId: connectorOf(pileId) })),
  };
}
