import type { Logger } from 'pino';
import type { AccessList } from '#shared/access/access-list.ts';
import type { Clock, Timers } from '#shared/clock.ts';
import type { FaultCode } from '#shared/faults.ts';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import { type TariffSchedule, tariffAt } from '#shared/tariff/schedule.ts';
import type { Command, ConnectorView } from '#shared/wire/messages.ts';
import type { SiteConfig } from '../config/site.ts';
import type { SiteDevices, SiteMeter, SitePile } from '../config/site-devices.ts';
import type { Refusal } from '../control/answer.ts';
import type { ChargeWish } from '../control/charge-wish.ts';
import { closeUnseen } from '../control/close-unseen.ts';
import {
  type ConnectorFacts,
  type ConnectorState,
  type Context,
  inService,
  type LedgerTransaction,
  type Maintenance,
  newConnector,
  type Remembered,
} from '../control/connector.ts';
import { type Influence, type InfluenceSource, mergeInfluences } from '../control/influence.ts';
import { siteAlarm } from '../control/report.ts';
import { holdOver } from '../control/reserve.ts';
import { resetRefusal } from '../control/reset.ts';
import { viewOf } from '../control/status.ts';
import { occupancyOver } from '../control/watch-occupancy.ts';
import { Dlt645Meter } from '../devices/dlt645/meter.ts';
import { influenceOf } from '../devices/firmware-verdict.ts';
import { type MeterDriver, modbusMeter } from '../devices/meter-driver.ts';
import { PileDriver } from '../devices/pile-driver.ts';
import type { ProvenStop } from '../metrics/field-figures.ts';
import { nothingSampled, type Sample, takeSamples } from '../samples/sampler.ts';
import { bandChanges } from './band-changes.ts';
import { CommitQueue } from './commit-queue.ts';
import { connectorFactsOf } from './connector-facts.ts';
import { ConnectorLoop } from './connector-loop.ts';
import { type DeviceView, deviceViewOf } from './device-views.ts';
import { fieldPower } from './field-power.ts';
import { type FieldRulesParts, fieldRules } from './field-rules.ts';
import type { Opened } from './ledger-client.ts';
import type { CommandResult } from './parking-loop.ts';
import type { PowerView } from './power-view.ts';
import type { RequestNote } from './request-notes.ts';
import { SiteAccess } from './site-access.ts';
import { SiteIo } from './site-io.ts';
import { type LineView, type SiteLine, siteLines, viewOfLine } from './site-lines.ts';
import { ParkingField, type ParkingView } from './site-parking.ts';
import type { SitePower } from './site-power.ts';
import type { SiteRules } from './site-rules.ts';

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
  readonly storeRules: FieldRulesParts['storeRules'];
  readonly surroundings: FieldRulesParts['surroundings'];
  /** What card numbers are named by; null where the site takes no cards. */
  readonly cardKey: string | null;
  /** What charges that are begun on site are billed by, and who may begin them; null while nobody has said. */
  readonly documents: { readonly tariffs: () => TariffSchedule | null; readonly cards: () => AccessList | null };
  /** A connector's loop has turned. */
  readonly onTurn: (connectorId: string) => void;
  /** Keeps by which steps each request was carried out; absent where nobody does. */
  readonly onNote?: (note: RequestNote) => void;
  /** A stop is proven; absent where nobody counts. */
  readonly onStop?: (stop: ProvenStop) => void;
}

/** Every line and connector of the site, on the thread that does nothing else. */
export class Field {
  readonly #parts: FieldParts;
  readonly #lines: ReadonlyMap<string, SiteLine>;
  readonly #loops: ReadonlyMap<string, ConnectorLoop>;
  readonly #facts: ReadonlyMap<string, ConnectorFacts>;
  readonly #drivers = new Map<string, PileDriver>();
  readonly #parking: ParkingField;
  readonly #commits: CommitQueue;
  #sampled = nothingSampled;
  /** The inputs that watch over the site, and the outputs that cut piles off. */
  readonly io: SiteIo;
  /** Charges that are begun and ended on site. */
  readonly access: SiteAccess;
  /** What the operator of the site wants beyond what is built in. */
  readonly rules: SiteRules;
  /** Shares the supply; null where there is nothing to share. */
  readonly #power: SitePower | null;
  /** What each source says of each connector. */
  readonly #influences = new Map<string, Map<InfluenceSource, Influence>>();

  constructor(parts: FieldParts) {
    const { site, devices, clock, timers, log } = parts;
    this.#parts = parts;
    this.#commits = new CommitQueue(parts);
    const isListenedTo = (lineId: string) => devices.readers.some(({ config }) => config.lineId === lineId);
    const asked = site.lines.filter(({ lineId }) => !isListenedTo(lineId));
    this.#lines = siteLines(asked, { clock, timers, log });
    this.io = new SiteIo({
      ...parts,
      latched: parts.opened.inputs,
      line: (lineId) => this.#line(lineId),
      onInfluence: (connectorId, influence) => this.influence('inputs', connectorId, influence),
    });
    const bandChangeMs = bandChanges();
    const piles = devices.piles.map((pile) => ({
      pile,
      facts: connectorFactsOf(site, pile, meterOf(devices, pile), this.io.hasTrip(pile.config.connectorId)),
    }));
    this.#facts = new Map(piles.map(({ facts }) => [facts.connectorId, facts]));
    this.#loops = new Map(piles.map(({ pile, facts }) => [facts.connectorId, this.#loop(pile, facts, bandChangeMs)]));
    this.#parking = new ParkingField({
      ...parts,
      line: (lineId) => this.#line(lineId),
      onInfluence: (connectorId, influence) => this.influence('parking', connectorId, influence),
    });
    this.access = new SiteAccess({
      ...parts,
      connectors: () => this.#looked(),
      begin: (connectorId, wish, withinMs) => this.#beginOnSite(connectorId, wish, withinMs),
      end: (connectorId, requestId, by) => this.#loops.get(connectorId)?.dispatch({ kind: 'end', requestId, by }),
      list: () => parts.documents.cards(),
      tariffAt: (connectorId, atMs) => tariffAt(parts.documents.tariffs() ?? { tariffs: [] }, connectorId, atMs),
    });
    this.rules = fieldRules({
      ...parts,
      connectors: () => this.#looked(),
      inputs: () => this.io.inputs(),
      onInfluence: (connectorId, influence) => this.influence('rules', connectorId, influence),
    });
    this.#power = fieldPower({
      ...parts,
      meterDriver: (meterId) => this.#meterDriver(meterNamed(devices, meterId)),
      connectors: () => new Map([...this.#loops].map(([connectorId, loop]) => [connectorId, loop.state])),
      onInfluence: (connectorId, influence) => this.influence('power', connectorId, influence),
      onMeterLost: (detail) => this.#alarmOfSite('grid-meter-lost', detail),
    });
  }

  /** A source says of a connector what it has to say, in place of what it said before. */
  influence(source: InfluenceSource, connectorId: string, influence: Influence): void {
    const influences = this.#influences.get(connectorId) ?? new Map<InfluenceSource, Influence>();
    this.#influences.set(connectorId, influences.set(source, influence));
    const merged = mergeInfluences(influences.values());
    this.#loops.get(connectorId)?.dispatch({ kind: 'influenced', influence: merged });
  }

  /** The same for every connector of the site. */
  influenceAll(source: InfluenceSource, influence: Influence): void {
    for (const connectorId of this.#facts.keys()) this.influence(source, connectorId, influence);
  }

  #line(lineId: string): SiteLine {
    const line = this.#lines.get(lineId);
    if (line === undefined) throw new TypeError(`no line "${lineId}"`);
    return line;
  }

  #loop(pile: SitePile, facts: ConnectorFacts, bandChangeMs: Context['bandChangeMs']): ConnectorLoop {
    const { opened, clock, timers, stamp, newId, commit, log, devices, onView, onTurn, onNote, onStop } = this.#parts;
    const { lineId, unit, socket = 1 } = pile.config;
    const { modbus, frames } = this.#line(lineId);
    const meter = meterOf(devices, pile);
    const driver = new PileDriver(pile.profile, { modbus, unit, socket });
    this.#drivers.set(facts.connectorId, driver);
    return new ConnectorLoop({
      facts,
      driver,
      meter: meter === null ? null : this.#meterDriver(meter),
      initial: newConnector(rememberedOf(opened, facts.connectorId), stamp()),
      clock,
      timers,
      stamp,
      newId,
      bandChangeMs,
      commit,
      log: log.child({ pileId: facts.pileId, connectorId: facts.connectorId }),
      onChange: () => {
        this.#power?.wake();
        onView(this.view());
      },
      onFirmware: (verdict) => this.influence('firmware', facts.connectorId, influenceOf(verdict)),
      lastFrames: () => frames.last(),
      trip: facts.hasTrip ? () => this.io.trip(facts.connectorId) : null,
      onCard: pile.config.readsCards === true ? (shown) => this.access.shows(facts.connectorId, shown) : null,
      onTurn: () => onTurn(facts.connectorId),
      ...(onNote === undefined ? {} : { onNote }),
      ...(onStop === undefined ? {} : { onStop }),
    });
  }

  #beginOnSite(connectorId: string, wish: ChargeWish, withinMs: number): Promise<Required<Refusal> | null> {
    const loop = this.#loops.get(connectorId);
    if (loop === undefined) throw new TypeError(`no connector "${connectorId}"`);
    return loop.begin(wish, withinMs);
  }

  #meterDriver({ config, profile }: SiteMeter): MeterDriver {
    const { line, modbus } = this.#line(config.lineId);
    const { unit, address = '' } = config;
    if (profile.kind === 'dlt645-meter') return new Dlt645Meter(address, profile, line);
    if (unit === undefined) throw new TypeError(`${config.meterId} has no unit`);
    return modbusMeter(profile, { modbus, unit, socket: 1 });
  }

  start(): void {
    this.#closeUnseen();
    this.#endUnseen();
    this.#power?.start();
    this.io.start();
    for (const loop of this.#loops.values()) loop.start();
    this.#parking.start();
    this.rules.start();
    this.access.start();
  }

  /** Sessions that no pile of this site can be asked about end with what is on the disk. */
  #closeUnseen(): void {
    const { opened, site, newId, stamp, log } = this.#parts;
    const candidates = new Set(adoptable(opened));
    for (const session of opened.sessions) {
      const { connectorId, sessionId } = session;
      if (candidates.has(session) && this.#loops.has(connectorId)) continue;
      log.error({ connectorId, sessionId }, 'a session that cannot be adopted is closed with what was read last');
      // Tried until it is stored: while it is open in the ledger, no other charge can begin at its connector.
      this.#commits.add(
        closeUnseen(session, { siteId: site.siteId, newId, now: stamp(), isRestored: opened.restored.has(sessionId) }),
      );
    }
  }

  /** A stay, or a hold, at a connector that is not of this site any more ends with what was seen of it. */
  #endUnseen(): void {
    for (const [connectorId, occupancy] of this.#parts.opened.occupancies) {
      if (!this.#loops.has(connectorId)) this.#commits.add(occupancyOver(occupancy, 'unseen'));
    }
    for (const [connectorId, reservation] of this.#parts.opened.reservations) {
      const over = holdOver(reservation, connectorId, {
        reason: 'out-of-service',
        detail: 'not of this site any more',
      });
      if (!this.#loops.has(connectorId)) this.#commits.add({ session: null, ...over });
    }
  }

  #alarmOfSite(code: FaultCode, detail: string): void {
    this.#commits.add({ session: null, records: [siteAlarm(code, this.#parts.newId(), detail)] });
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

  /** More is known of this boot's clock: charges that began before it was are repaired. */
  clockKnown(clock: BootClock): void {
    for (const loop of this.#loops.values()) loop.dispatch({ kind: 'clock', clock });
  }

  /** The store was damaged and another has taken its place: everything that is known here is put into it. */
  storeAgain(): void {
    for (const loop of this.#loops.values()) loop.dispatch({ kind: 'store-replaced' });
    this.io.storeAgain();
    this.rules.storeAgain();
  }

  acknowledged(id: string): void {
    for (const loop of this.#loops.values()) loop.dispatch({ kind: 'acknowledged', id });
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

  /** A technician ends what a connector is held for. Returns why there is nothing to end, or null. */
  release(connectorId: string, by: string, why: string): string | null {
    const loop = this.#loops.get(connectorId);
    if (loop === undefined) return `no connector ${connectorId}`;
    if (loop.state.reservation === null) return 'it is not reserved';
    loop.dispatch({ kind: 'release', by, why });
    return null;
  }

  /** A technician on site wants maintenance. Resolves with null when it is done, or with why it is not. */
  maintain(connectorId: string, wish: Omit<Maintenance, 'commandId'>): Promise<string | null> {
    const loop = this.#loops.get(connectorId);
    return loop?.maintain({ ...wish, commandId: null }) ?? Promise.resolve(`no connector ${connectorId}`);
  }

  view(): ConnectorView[] {
    return this.#looked().map(({ state, facts }) => viewOf(state, facts));
  }

  #looked(): { readonly state: ConnectorState; readonly facts: ConnectorFacts }[] {
    return [...this.#facts].flatMap(([connectorId, facts]) => {
      const loop = this.#loops.get(connectorId);
      return loop === undefined ? [] : [{ state: loop.state, facts }];
    });
  }

  /** Who answers at each connector. */
  devices(): DeviceView[] {
    return this.#looked().flatMap(({ state, facts: { connectorId } }) => {
      const driver = this.#drivers.get(connectorId);
      return driver === undefined ? [] : [deviceViewOf(connectorId, driver.profile.profileId, state, driver.firmware)];
    });
  }

  /** The samples that are due. To be asked for every few seconds. */
  samples(): readonly Sample[] {
    const { site, stamp } = this.#parts;
    const connectors = [...this.#facts].flatMap(([connectorId, facts]) => {
      const loop = this.#loops.get(connectorId);
      return loop === undefined ? [] : [{ facts, state: loop.state }];
    });
    const taken = takeSamples(this.#sampled, connectors, stamp(), site.storage.sampleEverySeconds * 1000);
    this.#sampled = taken.state;
    return taken.samples;
  }

  /** How every line and device is doing. */
  /** For a diagnostics bundle: nothing of cards is among it. */
  facts(): Readonly<Record<string, unknown>> {
    return {
      connectors: this.view(),
      devices: this.devices(),
      lines: this.lines(),
      frames: [...this.#lines.values()].flatMap(({ frames }) => frames.last()),
    };
  }

  lines(): LineView[] {
    return [...this.#lines.values()].map((line) => viewOfLine(line, this.#parts.clock.monoMs()));
  }

  permitsDenied(): number {
    return [...this.#loops.values()].reduce((sum, loop) => sum + loop.permitsDenied, 0);
  }

  /** How the supply is shared; null where there is nothing to share. */
  power(): PowerView | null {
    return this.#power?.view() ?? null;
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
    await this.access.close();
    await this.rules.close();
    await this.#power?.close();
    await this.#parking.close();
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
    await this.io.close();
    await this.#commits.end();
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
  }
}

function meterNamed({ meters }: SiteDevices, meterId: string): SiteMeter {
  const meter = meters.find(({ config }) => config.meterId === meterId);
  if (meter === undefined) throw new TypeError(`no meter "${meterId}"`);
  return meter;
}

function meterOf(devices: SiteDevices, { config }: SitePile): SiteMeter | null {
  return devices.meters.find((meter) => meter.config.meterId === config.meterId) ?? null;
}

function rememberedOf(opened: Opened, connectorId: string): Remembered {
  return {
    session: adoptable(opened).find((session) => session.connectorId === connectorId) ?? null,
    latched: opened.latches.get(connectorId) ?? [],
    service: opened.service.get(connectorId) ?? inService,
    device: opened.devices.get(connectorId) ?? null,
    occupancy: opened.occupancies.get(connectorId) ?? null,
    reservation: opened.reservations.get(connectorId) ?? null,
  };
}

/** Sessions that may still run. One out of a backup may have ended long since. */
const adoptable = ({ sessions, restored }: Opened) => sessions.filter(({ sessionId }) => !restored.has(sessionId));
