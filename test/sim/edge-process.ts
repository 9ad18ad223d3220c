import type { Logger } from 'pino';
import type { AccessList } from '#shared/access/access-list.ts';
import type { Timers } from '#shared/clock.ts';
import type { BootClock } from '#shared/stamp.ts';
import { type TariffSchedule, tariffAt } from '#shared/tariff/schedule.ts';
import type { Command } from '#shared/wire/messages.ts';
import { CARD_KEY } from '../../edge/access/testing.ts';
import type { SiteConfig } from '../../edge/config/site.ts';
import {
  type ConnectorFacts,
  inService,
  type LedgerTransaction,
  type Remembered,
} from '../../edge/control/connector.ts';
import { commandFailed } from '../../edge/control/report.ts';
import type { Reservation } from '../../edge/control/reservation.ts';
import { viewOf } from '../../edge/control/status.ts';
import { isStoreError } from '../../edge/ledger/store-trouble.ts';
import { bandChanges } from '../../edge/runtime/band-changes.ts';
import { HeldStarts } from '../../edge/runtime/held-starts.ts';
import type { Opened } from '../../edge/runtime/ledger-client.ts';
import { runLedgerThread } from '../../edge/runtime/ledger-thread.ts';
import { SiteAccess } from '../../edge/runtime/site-access.ts';
import { stamper } from '../../edge/runtime/system-time.ts';
import type { FromLedger, SyncView, ToLedger } from '../../edge/runtime/thread-messages.ts';
import { shareTurns } from '../../edge/runtime/turn-counters.ts';
import type { BoxClock } from './box-clock.ts';
import type { SimBroker } from './broker.ts';
import type { Dice } from './dice.ts';
import type { EdgeDisk } from './edge-disk.ts';
import { edgeLine } from './edge-line.ts';
import { exactTimers, Life, SleepyTimers } from './life.ts';
import type { Pile } from './pile.ts';
import type { Scheduler } from './scheduler.ts';
import { NotStored, SimConnector } from './sim-connector.ts';
import type { Wire } from './wire.ts';

export interface EdgeParts {
  readonly site: SiteConfig;
  readonly facts: readonly ConnectorFacts[];
  readonly schedule: TariffSchedule;
  readonly cards: AccessList;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly clock: BoxClock;
  readonly disk: EdgeDisk;
  readonly broker: SimBroker;
  readonly wire: Wire;
  readonly piles: ReadonlyMap<string, Pile>;
  readonly log: Logger;
  readonly isCalm: () => boolean;
  readonly isPowerCut: () => boolean;
  /** A pile is told to deliver for a session, that a command has asked for. */
  readonly onStart: (connectorId: string, sessionId: string, commandId: string | null) => void;
  /** Whenever it is looked at how long a connector has been held. */
  readonly onHeld: (held: Reservation) => void;
  /** A message of the cloud has been taken. */
  readonly onTaken: (topic: string, payload: Uint8Array) => void;
  /** An error that nobody has caught, while the process was alive. */
  /** The store cannot be opened at present: the process ends, as the real one does. */
  readonly onNoStore: () => void;
  readonly onThrow: (error: unknown) => void;
}

/** Seldom, and on time: two in vain, and the site takes the cloud for away. */
const VIEW_EVERY_MS = 14_000;
const NOTHING_SAID = { sync: null };

/**
 * One life of the edge's process: the real ledger thread, and in the place of the field thread its machines on simulated
 * piles. What passes between the two takes a moment, as between threads.
 */
export class EdgeProcess {
  readonly life = new Life();
  readonly timers: SleepyTimers;
  readonly #onTime: Timers;
  readonly #parts: EdgeParts;
  readonly #connectors = new Map<string, SimConnector>();
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  #access: SiteAccess | null = null;
  #held: HeldStarts | null = null;
  #known: BootClock;
  #toLedger: (message: ToLedger) => void = () => {};
  #commitIds = 0;
  #said: { readonly sync: SyncView | null } = NOTHING_SAID;

  constructor(parts: EdgeParts) {
    this.#parts = parts;
    const { scheduler, clock } = parts;
    this.#known = { bootId: clock.bootId, offsetMs: 0, quality: 'none' };
    const onThrow = (error: unknown) => this.#thrown(error);
    this.timers = new SleepyTimers(scheduler, this.life, parts.isCalm, onThrow);
    this.#onTime = exactTimers(scheduler, this.life, onThrow);
    scheduler.after(0, () => this.#startLedger());
  }

  get sync(): SyncView | null {
    return this.#said.sync;
  }

  get connectors(): ReadonlyMap<string, SimConnector> {
    return this.#connectors;
  }

  #thrown(error: unknown): void {
    if (!this.life.isOver) this.#parts.onThrow(error);
  }

  #soon(action: () => void): void {
    this.#onTime.after(this.#parts.dice.between(0, 3), action);
  }

  #startLedger(): void {
    const { site, dice, clock, disk, broker, wire, log, isPowerCut, onTaken } = this.#parts;
    const { life, timers } = this;
    const onThrow = (error: unknown) => this.#thrown(error);
    const port = {
      // How much the disk has written is told with the storage's health: of this machine, and another at each run.
      postMessage: (message: FromLedger) => {
        if (message.kind !== 'storage') this.#soon(() => this.#heard(message));
      },
      on: (_: 'message', listener: (message: ToLedger) => void) => {
        this.#toLedger = (message) => this.#soon(() => listener(message));
      },
      close: () => {},
    };
    try {
      runLedgerThread(
        port,
        {
          site,
          bootId: clock.bootId,
          logLevel: 'silent',
          logGate: { memory: new SharedArrayBuffer(64) } as never,
          software: 'pilegate-edge sim',
          turns: { field: shareTurns([]), ledger: shareTurns([]) },
        },
        {
          clock,
          timers,
          look: () => clock.look(),
          newId: () => dice.uuid(),
          log,
          fraction: () => dice.fraction(),
          controllerId: null,
          openBroker: edgeLine({ timers, dice, broker, life, wire, isPowerCut, onThrow, onTaken }),
          systemd: null,
          disk: () => ({ totalBytes: 8e9, freeBytes: 4e9 }),
          openLedger: (path, maxBytes) => {
            const database = disk.open(path, maxBytes);
            life.onEnd(() => database.close());
            return database;
          },
        },
      );
    } catch (error) {
      if (isStoreError(error)) this.#parts.onNoStore();
      else this.#thrown(error);
    }
  }

  #heard(message: FromLedger): void {
    switch (message.kind) {
      case 'clock':
        this.#known = message.clock;
        for (const connector of this.#connectors.values()) connector.dispatch({ kind: 'clock', clock: message.clock });
        if (message.clock.quality === 'trusted') this.#held?.release();
        return;
      case 'opened':
        return this.#opened(message);
      case 'committed':
        return this.#settle(message.commitId, ({ resolve }) => resolve());
      case 'commit-failed':
        return this.#settle(message.commitId, ({ reject }) => reject(new NotStored(message.reason)));
      case 'command':
        return this.#take(message.command);
      case 'cancel':
        return this.#cancel(message.commandId);
      case 'acknowledged':
        for (const connector of this.#connectors.values()) connector.dispatch({ kind: 'acknowledged', id: message.id });
        return;
      case 'sync':
        this.#said = { sync: message.sync };
        this.#access?.cloudIs(message.sync.link === 'open');
    }
  }

  #settle(commitId: number, how: (waiting: { resolve: () => void; reject: (error: Error) => void }) => void): void {
    const waiting = this.#waiting.get(commitId);
    this.#waiting.delete(commitId);
    if (waiting !== undefined) how(waiting);
  }

  #commit(transaction: LedgerTransaction): Promise<void> {
    this.#commitIds += 1;
    const commitId = this.#commitIds;
    const at = this.#stamp();
    return new Promise((resolve, reject) => {
      this.#waiting.set(commitId, { resolve, reject });
      this.#toLedger({ kind: 'commit', commitId, transaction, at });
    });
  }

  #stamp = () => stamper(this.#parts.clock, () => this.#known)();

  #opened(opened: Opened): void {
    const { facts } = this.#parts;
    for (const own of facts) this.#connectors.set(own.connectorId, this.#connector(own, opened));
    this.#access = this.#openAccess();
    for (const connector of this.#connectors.values()) connector.start();
    const begun = new Set(opened.sessions.flatMap(({ commandId }) => commandId ?? []));
    this.#held = new HeldStarts(opened.commands, {
      take: (command) => this.#take(command),
      begun,
      timers: this.timers,
    });
    if (this.#known.quality === 'trusted') this.#held.release();
    for (const commandId of opened.cancelled) this.#cancel(commandId);
    this.#viewAgain();
  }

  #viewAgain(): void {
    this.#showView();
    this.#onTime.after(VIEW_EVERY_MS, () => this.#viewAgain());
  }

  #showView(): void {
    const connectors = [...this.#connectors.values()].map(({ state, facts }) => viewOf(state, facts));
    this.#toLedger({ kind: 'view', connectors });
  }

  #connector(facts: ConnectorFacts, opened: Opened): SimConnector {
    const { piles, dice, clock, onStart, onHeld } = this.#parts;
    const { connectorId } = facts;
    const pile = piles.get(connectorId);
    if (pile === undefined) throw new TypeError(`no pile ${connectorId}`);
    return new SimConnector({
      facts,
      pile,
      remembered: rememberedOf(opened, connectorId),
      timers: this.#onTime,
      dice,
      monoMs: () => clock.monoMs(),
      stamp: this.#stamp,
      newId: () => dice.uuid(),
      bandChangeMs: bandChanges(),
      commit: (transaction) => this.#commit(transaction),
      onChange: () => this.#showView(),
      onStart: (sessionId, commandId) => onStart(connectorId, sessionId, commandId),
      onHeld,
      onCard: (id, card) => this.#access?.shows(id, card),
      onThrow: (error) => this.#thrown(error),
    });
  }

  #openAccess(): SiteAccess {
    const { schedule, cards, dice, clock, log } = this.#parts;
    return new SiteAccess({
      site: { access: { offline: { cards: 'listed' }, untrustedClock: 'allow', keyFile: 'none' } },
      devices: { readers: [] },
      cardKey: CARD_KEY,
      clock,
      timers: this.timers,
      stamp: this.#stamp,
      newId: () => dice.uuid(),
      log,
      connectors: () => [...this.#connectors.values()],
      begin: (connectorId, wish, withinMs) => this.#at(connectorId).begin(wish, withinMs),
      end: (connectorId, requestId, by) => this.#at(connectorId).dispatch({ kind: 'end', requestId, by }),
      tariffAt: (connectorId, atMs) => tariffAt(schedule, connectorId, atMs),
      list: () => cards,
    });
  }

  #at(connectorId: string): SimConnector {
    const connector = this.#connectors.get(connectorId);
    if (connector === undefined) throw new TypeError(`no connector ${connectorId}`);
    return connector;
  }

  #take(command: Command): void {
    const connector = this.#connectors.get(command.connectorId);
    if (connector !== undefined) return connector.dispatch({ kind: 'command', command });
    const { commandId, connectorId } = command;
    const report = commandFailed(commandId, 'connector.unknown', `this site has no connector ${connectorId}`);
    this.#commit({ session: null, records: [report] }).catch(() => {});
  }

  #cancel(commandId: string): void {
    this.#held?.releaseOne(commandId);
    for (const connector of this.#connectors.values()) connector.dispatch({ kind: 'cancel', commandId });
  }
}

const rememberedOf = (opened: Opened, connectorId: string): Remembered => ({
  session: opened.sessions.find((session) => session.connectorId === connectorId) ?? null,
  latched: opened.latches.get(connectorId) ?? [],
  service: opened.service.get(connectorId) ?? inService,
  device: opened.devices.get(connectorId) ?? null,
  occupancy: opened.occupancies.get(connectorId) ?? null,
  reservation: opened.reservations.get(connectorId) ?? null,
});
