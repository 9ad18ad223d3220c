import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import { bandAt, type LocalMinute, localMinuteIn } from '#shared/tariff/bands.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Command, ConnectorView } from '#shared/wire/messages.ts';
import type { Line } from '../bus/line.ts';
import type { FrameTap } from '../bus/modbus-port.ts';
import { openLine } from '../bus/open-line.ts';
import { type PileConfig, profileOf, type SiteConfig } from '../config/site.ts';
import { type ConnectorFacts, type LedgerTransaction, newConnector } from '../control/connector.ts';
import { resetRefusal } from '../control/reset.ts';
import { viewOf } from '../control/status.ts';
import { PileDriver } from '../devices/pile-driver.ts';
import type { Profile } from '../devices/profile.ts';
import { ConnectorLoop } from './connector-loop.ts';
import type { Opened } from './ledger-client.ts';

export interface FieldParts {
  readonly site: SiteConfig;
  readonly profiles: ReadonlyMap<string, Profile>;
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
  readonly #lines: ReadonlyMap<string, Line>;
  readonly #loops: ReadonlyMap<string, ConnectorLoop>;
  readonly #facts: ReadonlyMap<string, ConnectorFacts>;

  constructor(parts: FieldParts) {
    const { site, log, clock, timers } = parts;
    this.#lines = new Map(
      site.lines.map((line) => [
        line.lineId,
        openLine(line, { clock, timers, tap: frameTap(log.child({ lineId: line.lineId })) }),
      ]),
    );
    const bandChanged = bandWatch();
    const facts = site.piles.map((pile, i) => factsOf(site, pile, profileOf(site, i, parts.profiles)));
    this.#facts = new Map(facts.map((fact) => [fact.connectorId, fact]));
    this.#loops = new Map(facts.map((fact, i) => [fact.connectorId, this.#loop(parts, fact, i, bandChanged)]));
  }

  #loop(
    parts: FieldParts,
    facts: ConnectorFacts,
    index: number,
    bandChanged: ReturnType<typeof bandWatch>,
  ): ConnectorLoop {
    const { site, opened, clock, timers, stamp, newId, commit, log } = parts;
    const { lineId = '', unit = 0 } = site.piles[index] ?? {};
    const line = this.#lines.get(lineId);
    if (line === undefined) throw new TypeError(`no line "${lineId}"`);
    const session = opened.sessions.find((candidate) => candidate.connectorId === facts.connectorId) ?? null;
    const latched = opened.latches.find(([connectorId]) => connectorId === facts.connectorId)?.[1] ?? [];
    return new ConnectorLoop({
      facts,
      driver: new PileDriver(profileOf(site, index, parts.profiles), { line, unit }),
      initial: newConnector(session, latched, stamp()),
      clock,
      timers,
      stamp,
      newId,
      bandChanged,
      commit,
      log: log.child({ pileId: facts.pileId, connectorId: facts.connectorId }),
      onChange: () => parts.onView(this.view()),
    });
  }

  start(): void {
    for (const loop of this.#loops.values()) loop.start();
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

  async close(): Promise<void> {
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
  }
}

function factsOf(site: SiteConfig, pile: PileConfig, profile: Profile): ConnectorFacts {
  const limitMa = Math.min(pile.limitMa, profile.limits.maxCurrentMa);
  return {
    siteId: site.siteId,
    pileId: pile.pileId,
    connectorId: pile.connectorId,
    limitMa,
    maxPowerW: Math.ceil((limitMa / 1000) * profile.limits.phases * MAX_PHASE_VOLTAGE),
    overTemperatureDc: profile.limits.overTemperatureDc,
  };
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

function frameTap(log: Logger): FrameTap {
  return (direction, bytes) => {
    if (log.isLevelEnabled('trace')) log.trace({ direction, hex: Buffer.from(bytes).toString('hex') }, 'frame');
  };
}
