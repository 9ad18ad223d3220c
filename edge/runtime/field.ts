import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import { bandAt, type LocalMinute, localMinuteIn } from '#shared/tariff/bands.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Command, ConnectorView } from '#shared/wire/messages.ts';
import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices, SiteMeter, SitePile } from '../config/site-devices.ts';
import { type ConnectorFacts, type LedgerTransaction, newConnector } from '../control/connector.ts';
import type { EnergyRegister } from '../control/meter-track.ts';
import { resetRefusal } from '../control/reset.ts';
import { viewOf } from '../control/status.ts';
import { Dlt645Meter } from '../devices/dlt645/meter.ts';
import { energyRegisterOf } from '../devices/energy-register.ts';
import { type MeterDriver, modbusMeter } from '../devices/meter-driver.ts';
import { PileDriver } from '../devices/pile-driver.ts';
import { ConnectorLoop } from './connector-loop.ts';
import type { Opened } from './ledger-client.ts';
import type { CommandResult } from './parking-loop.ts';
import { type LineView, type SiteLine, siteLines, viewOfLine } from './site-lines.ts';
import { ParkingField, type ParkingView } from './site-parking.ts';

export interface FieldParts {
  readonly site: SiteConfig;
  readonly devices: SiteDevices;
  readonly opened: Opened;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stamp: () => Stamp;
  readonly newId: () => string;
  readonly log: Logger;
  readonly commit: (transaction: LedgerTransaction) => Promise<void>;
  readonly onView: (connectors: readonly ConnectorView[]) => void;
}

/** The highest mains voltage that a pile delivers at: EN 50160, 230 V + 10 %. */
const MAX_PHASE_VOLTAGE = 253;

/** Every line and connector of the site, on the thread that does nothing else. */
export class Field {
  readonly #parts: FieldParts;
  readonly #lines: ReadonlyMap<string, SiteLine>;
  readonly #loops: ReadonlyMap<string, ConnectorLoop>;
  readonly #facts: ReadonlyMap<string, ConnectorFacts>;
  readonly #parking: ParkingField;

  constructor(parts: FieldParts) {
    const { site, devices, clock, timers, log } = parts;
    this.#parts = parts;
    this.#lines = siteLines(site.lines, { clock, timers, log });
    const bandChanged = bandWatch();
    const piles = devices.piles.map((pile) => ({ pile, facts: factsOf(site, pile, meterOf(devices, pile)) }));
    this.#facts = new Map(piles.map(({ facts }) => [facts.connectorId, facts]));
    this.#loops = new Map(piles.map(({ pile, facts }) => [facts.connectorId, this.#loop(pile, facts, bandChanged)]));
    this.#parking = new ParkingField({
      ...parts,
      line: (lineId) => this.#line(lineId),
      onBlocked: (connectorId, by) => this.#loops.get(connectorId)?.dispatch({ kind: 'blocked', by }),
    });
  }

  #line(lineId: string): SiteLine {
    const line = this.#lines.get(lineId);
    if (line === undefined) throw new TypeError(`no line "${lineId}"`);
    return line;
  }

  #loop(pile: SitePile, facts: ConnectorFacts, bandChanged: ReturnType<typeof bandWatch>): ConnectorLoop {
    const { opened, clock, timers, stamp, newId, commit, log, devices, onView } = this.#parts;
    const { lineId, unit, socket = 1 } = pile.config;
    const { modbus, frames } = this.#line(lineId);
    const session = opened.sessions.find((candidate) => candidate.connectorId === facts.connectorId) ?? null;
    const latched = opened.latches.find(([connectorId]) => connectorId === facts.connectorId)?.[1] ?? [];
    const meter = meterOf(devices, pile);
    return new ConnectorLoop({
      facts,
      driver: new PileDriver(pile.profile, { modbus, unit, socket }),
      meter: meter === null ? null : this.#meterDriver(meter),
      initial: newConnector(session, latched, stamp()),
      clock,
      timers,
      stamp,
      newId,
      bandChanged,
      commit,
      log: log.child({ pileId: facts.pileId, connectorId: facts.connectorId }),
      onChange: () => onView(this.view()),
      lastFrames: () => frames.last(),
    });
  }

  #meterDriver({ config, profile }: SiteMeter): MeterDriver {
    const { line, modbus } = this.#line(config.lineId);
    const { unit, address = '' } = config;
    if (profile.kind === 'dlt645-meter') return new Dlt645Meter(address, profile, line);
    if (unit === undefined) throw new TypeError(`${config.meterId} has no unit`);
    return modbusMeter(profile, { modbus, unit, socket: 1 });
  }

  start(): void {
    for (const loop of this.#loops.values()) loop.start();
    this.#parking.start();
  }

  /** Hands a command to its connector. False when this site has no such connector. */
  command(command: Command): boolean {
    const loop = this.#loops.get(command.connectorId);
    loop?.dispatch({ kind: 'command', command });
    return loop !== undefined;
  }

  cancel(commandId: string): void {
    for (const loop of this.#loops.values()) loop.dispatch({ kind: 'cancel', commandId });
  }

  acknowledged(sessionId: string): void {
    for (const loop of this.#loops.values()) loop.dispatch({ kind: 'acknowledged', sessionId });
  }

  /** A technician clears what is latched. Returns why not, or the faults that are cleared. */
  reset(connectorId: string): { refused: string } | { cleared: readonly FaultCode[] } {
    const loop = this.#loops.get(connectorId);
    if (loop === undefined) return { refused: `no connector ${connectorId}` };
    const refused = resetRefusal(loop.state);
    if (refused !== null) return { refused };
    const cleared = loop.state.latched;
    loop.dispatch({ kind: 'reset' });
    return { cleared };
  }

  view(): ConnectorView[] {
    return [...this.#facts].flatMap(([connectorId, facts]) => {
      const loop = this.#loops.get(connectorId);
      return loop === undefined ? [] : [viewOf(loop.state, facts)];
    });
  }

  /** How every line and device is doing. */
  lines(): LineView[] {
    return [...this.#lines.values()].map((line) => viewOfLine(line, this.#parts.clock.monoMs()));
  }

  /** Every ground lock and barrier. */
  parking(): ParkingView[] {
    return this.#parking.views();
  }

  /** Moves a ground lock or barrier; null when the site has no such device. */
  moveParking(deviceId: string, move: 'raise' | 'lower', by: string): Promise<CommandResult> | null {
    return this.#parking.move(deviceId, move, by);
  }

  async close(): Promise<void> {
    await this.#parking.close();
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
  }
}

function meterOf(devices: SiteDevices, { config }: SitePile): SiteMeter | null {
  return devices.meters.find((meter) => meter.config.meterId === config.meterId) ?? null;
}

function factsOf(site: SiteConfig, { config, profile }: SitePile, meter: SiteMeter | null): ConnectorFacts {
  const limitMa = Math.min(config.limitMa, profile.limits.maxCurrentMa);
  return {
    siteId: site.siteId,
    pileId: config.pileId,
    connectorId: config.connectorId,
    limitMa,
    maxPowerW: Math.ceil((limitMa / 1000) * profile.limits.phases * MAX_PHASE_VOLTAGE),
    energy: billedRegister(profile, meter),
    overTemperatureDc: profile.limits.overTemperatureDc,
  };
}

/** The register that the connector's energy is billed by: the separate meter's, where there is one. */
function billedRegister(profile: SitePile['profile'], meter: SiteMeter | null): EnergyRegister {
  if (meter !== null) return energyRegisterOf(meter.profile);
  const { energy } = profile.measures;
  if (energy === null) throw new TypeError(`${profile.profileId} has no meter`);
  return energyRegisterOf({ ...profile, measures: { energy } });
}

/** Tells whether the price band changed between two instants; one zone table per time zone. */
function bandWatch(): (tariff: Tariff, fromMs: number, toMs: number) => boolean {
  const zones = new Map<string, LocalMinute>();
  return (tariff, fromMs, toMs) => {
    const localMinute = zones.get(tariff.timezone) ?? localMinuteIn(tariff.timezone);
    zones.set(tariff.timezone, localMinute);
    return bandAt(tariff, fromMs, localMinute) !== bandAt(tariff, toMs, localMinute);
  };
}
