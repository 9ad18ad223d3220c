import { join } from 'node:path';
import { pino } from 'pino';
import type { AccessList } from '#shared/access/access-list.ts';
import { type TariffSchedule, tariffAt } from '#shared/tariff/schedule.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import type { AccessPolicy } from '../../edge/access/access-policy.ts';
import { CARD_KEY } from '../../edge/access/testing.ts';
import type { Refusal } from '../../edge/control/answer.ts';
import {
  type ConnectorEvent,
  type ConnectorFacts,
  type ConnectorState,
  newConnector,
  nothingRemembered,
  type Order,
} from '../../edge/control/connector.ts';
import { decide } from '../../edge/control/decide.ts';
import type { Reading } from '../../edge/control/reading.ts';
import { facts, plugged } from '../../edge/control/testing.ts';
import { Ledger } from '../../edge/ledger/ledger.ts';
import { openDatabase } from '../../edge/ledger/open-database.ts';
import { Store } from '../../edge/ledger/store.ts';
import { bandChanges } from '../../edge/runtime/band-changes.ts';
import { SiteAccess } from '../../edge/runtime/site-access.ts';
import { DriftingClock } from './drifting-clock.ts';
import { ParkedCar } from './parked-car.ts';

export interface OfflineSettings {
  readonly folder: string;
  readonly startMs: number;
  readonly connectorIds: readonly string[];
  readonly schedule: TariffSchedule;
  readonly list: AccessList;
  readonly policy: AccessPolicy;
  readonly driftPpm: number;
}

interface Connector {
  readonly facts: ConnectorFacts;
  readonly car: ParkedCar;
  state: ConnectorState;
  /** The card that lies on the pile's reader at this look. */
  card: string | null;
}

/** More than a poll's own time lies between two orders to poll. */
const LOOKS_AT_ONCE = 4;

/**
 * A site without its cloud, in simulated time: the edge's own machine, access, tariffs and ledger on a real file; piles,
 * cars and clock are what the test makes of them.
 */
export class OfflineSite {
  readonly clock: DriftingClock;
  nowMs: number;
  readonly #settings: OfflineSettings;
  readonly #connectors: ReadonlyMap<string, Connector>;
  readonly #asking = new Map<string, (refusal: Required<Refusal> | null) => void>();
  readonly #bandChangeMs = bandChanges();
  #ledger: Ledger;
  #access: SiteAccess;
  #closeStore: () => void = () => {};
  #ids = 0;

  constructor(settings: OfflineSettings) {
    this.#settings = settings;
    this.nowMs = settings.startMs;
    this.clock = new DriftingClock(settings.driftPpm, () => this.nowMs);
    this.#connectors = new Map(
      settings.connectorIds.map((connectorId, i) => {
        const own: ConnectorFacts = {
          ...facts,
          connectorId,
          pileId: `pile-${connectorId}`,
          stopsByItselfAfterMs: null,
        };
        const car = new ParkedCar(settings.startMs, 1000 * (i + 1));
        return [
          connectorId,
          { facts: own, car, state: newConnector(nothingRemembered, this.clock.stamp()), card: null },
        ];
      }),
    );
    this.#ledger = this.#openLedger();
    this.#access = this.#openAccess();
    this.#setUpAll();
  }

  #openLedger(): Ledger {
    const database = openDatabase(join(this.#settings.folder, 'ledger.db'));
    this.#closeStore = () => database.close();
    return new Ledger(new Store(database), () => crypto.randomUUID());
  }

  #openAccess(): SiteAccess {
    const { policy, schedule, list } = this.#settings;
    return new SiteAccess({
      site: { access: { ...policy, keyFile: 'none' } },
      devices: { readers: [] },
      cardKey: CARD_KEY,
      clock: { monoMs: () => this.clock.monoMs(), wallMs: () => this.clock.wallMs() },
      timers: { after: () => () => {} },
      stamp: () => this.clock.stamp(),
      newId: () => this.#newId(),
      log: pino({ level: 'silent' }),
      connectors: () => [...this.#connectors.values()].map(({ state, facts: own }) => ({ state, facts: own })),
      begin: (connectorId, wish, withinMs) =>
        new Promise((resolve) => {
          this.#asking.set(wish.requestId, resolve);
          this.#dispatch(this.#at(connectorId), { kind: 'begin', wish, withinMs });
        }),
      end: (connectorId, requestId, by) => this.#dispatch(this.#at(connectorId), { kind: 'end', requestId, by }),
      tariffAt: (connectorId, atMs) => tariffAt(schedule, connectorId, atMs),
      list: () => list,
    });
  }

  #setUpAll(): void {
    for (const connector of this.#connectors.values()) this.#dispatch(connector, { kind: 'set-up', result: 'taken' });
  }

  #newId(): string {
    this.#ids += 1;
    return `00000000-0000-4000-8000-${String(this.#ids).padStart(12, '0')}`;
  }

  #at(connectorId: string): Connector {
    const connector = this.#connectors.get(connectorId);
    if (connector === undefined) throw new TypeError(`no connector ${connectorId}`);
    return connector;
  }

  car(connectorId: string): ParkedCar {
    return this.#at(connectorId).car;
  }

  phaseOf(connectorId: string): ConnectorState['phase']['kind'] {
    return this.#at(connectorId).state.phase.kind;
  }

  /** Why cards were refused, and how often. */
  get denials(): Readonly<Record<string, number>> {
    return this.#access.view().denialCounts;
  }

  /** A card is laid on the pile's reader until the next look. */
  present(connectorId: string, card: string): void {
    this.#at(connectorId).card = card;
  }

  /** Time passes, and each pile is looked at. Promises that this settles run before the next look. */
  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    const known = this.clock.tick();
    for (const [connectorId, connector] of this.#connectors) {
      this.#dispatch(connector, { kind: 'clock', clock: known });
      this.#look(connector);
      this.#access.shows(connectorId, connector.card);
      connector.card = null;
    }
    await Promise.resolve();
  }

  #look(connector: Connector): void {
    const requestedMonoMs = this.clock.monoMs();
    this.#dispatch(connector, { kind: 'reading', reading: this.#readingOf(connector), requestedMonoMs });
  }

  #readingOf({ car }: Connector): Reading {
    const { powerW } = car;
    const status = !car.isPlugged ? 'unplugged' : powerW > 0 ? 'charging' : 'plugged';
    const currentMa = Math.round((powerW * 1000) / (3 * 230));
    return { ...plugged, status, powerW, currentMa, registerWh: car.registerWhAt(this.nowMs) };
  }

  #dispatch(connector: Connector, event: ConnectorEvent): void {
    const queue = [event];
    let looks = 0;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { state, orders } = decide(connector.state, next, {
        facts: connector.facts,
        now: this.clock.stamp(),
        newId: () => this.#newId(),
        bandChangeMs: this.#bandChangeMs,
      });
      connector.state = state;
      for (const order of orders) {
        if (order.kind === 'poll-now') looks += 1;
        queue.push(...this.#carryOut(connector, order, looks <= LOOKS_AT_ONCE));
      }
    }
  }

  #carryOut(connector: Connector, order: Order, mayLook: boolean): ConnectorEvent[] {
    const { car } = connector;
    switch (order.kind) {
      case 'write': {
        const { write, limitMa } = order;
        if (write === 'start' || write === 'limit') {
          if (write === 'start') car.change(this.nowMs, { isClosed: true });
          return [{ kind: 'written', write, limitMa: limitMa ?? 0 }];
        }
        car.change(this.nowMs, { isClosed: false });
        return [{ kind: 'written', write }];
      }
      case 'commit':
        this.#ledger.commit(order.transaction, this.clock.stamp());
        return order.answer === null ? [] : [{ kind: 'durable', sessionId: order.answer }];
      case 'answer':
        this.#asking.get(order.requestId)?.(order.refusal);
        this.#asking.delete(order.requestId);
        return [];
      case 'poll-now': {
        const requestedMonoMs = this.clock.monoMs();
        const reading = this.#readingOf(connector);
        return mayLook ? [{ kind: 'reading', reading, requestedMonoMs }] : [];
      }
    }
  }

  /** The power of the box goes, for so long; piles and cars have their own. */
  async powerCut(ms: number): Promise<void> {
    this.#closeStore();
    this.nowMs += ms;
    this.clock.reboot();
    this.#ledger = this.#openLedger();
    const opened = this.#ledger.openWork(this.clock.stamp());
    for (const [connectorId, connector] of this.#connectors) {
      const session = opened.sessions.find((open) => open.connectorId === connectorId) ?? null;
      connector.state = newConnector({ ...nothingRemembered, session }, this.clock.stamp());
    }
    this.#access = this.#openAccess();
    this.#setUpAll();
    await this.pass(1000);
  }

  /** The store is closed and read by somebody else: everything that is to be told, in order. */
  readBack(): { readonly seq: number; readonly body: RecordBody }[] {
    this.#closeStore();
    this.#ledger = this.#openLedger();
    const told: { seq: number; body: RecordBody }[] = [];
    for (;;) {
      const batch = this.#ledger.nextBatch({ records: 200, bytes: 1_000_000 });
      if (batch === null) return told;
      told.push(...batch.records.map(({ seq, body }) => ({ seq, body: body as RecordBody })));
      const ackedSeq = told.at(-1)?.seq ?? 0;
      this.#ledger.acknowledge({ storeEpoch: this.#ledger.storeEpoch, ackedSeq, refused: [] });
    }
  }

  close(): void {
    this.#closeStore();
  }
}

export const cdrsOf = (told: readonly { readonly body: RecordBody }[]): Cdr[] =>
  told.flatMap(({ body }) => (body.kind === 'session.ended' ? [body.cdr] : []));
