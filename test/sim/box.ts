import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Logger } from 'pino';
import type { AccessList } from '#shared/access/access-list.ts';
import type { TariffSchedule } from '#shared/tariff/schedule.ts';
import { siteShapeSchema } from '../../edge/config/site.ts';
import type { ConnectorFacts } from '../../edge/control/connector.ts';
import { facts as somePile } from '../../edge/control/testing.ts';
import { BoxClock } from './box-clock.ts';
import type { SimBroker } from './broker.ts';
import { Dice } from './dice.ts';
import { EdgeDisk } from './edge-disk.ts';
import { EdgeProcess } from './edge-process.ts';
import { Holds } from './holds.ts';
import { Pile } from './pile.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Violations } from './violations.ts';
import { goodWire } from './wire.ts';

export interface BoxParts {
  readonly seed: number;
  readonly siteId: string;
  readonly shard: number;
  readonly connectorIds: readonly string[];
  readonly folder: string;
  readonly schedule: TariffSchedule;
  readonly cards: AccessList;
  readonly scheduler: Scheduler;
  readonly broker: SimBroker;
  readonly trace: Trace;
  readonly violations: Violations;
  readonly log: Logger;
  /** The process has taken a message of the cloud. */
  readonly onTaken: (box: Box, topic: string, payload: Uint8Array) => void;
  readonly onStart: (box: Box, connectorId: string, sessionId: string, commandId: string | null) => void;
  /** A connector is held from now on. */
  readonly onHold: (box: Box) => void;
}

/** A service manager starts the process again after so long; a box needs longer to boot. */
const RESTART_MS = 5000;
const BOOT_MS = 20_000;
const CALM_AFTER_MS = 20_000;

/** A site's controller: its disk and clock, which outlive the process, the process, and the piles before it. */
export class Box {
  readonly siteId: string;
  readonly clock: BoxClock;
  readonly disk: EdgeDisk;
  readonly holds: Holds;
  readonly wire = goodWire();
  readonly piles: ReadonlyMap<string, Pile>;
  readonly ledgerPath: string;
  readonly #parts: BoxParts;
  readonly #dice: Dice;
  readonly #facts: readonly ConnectorFacts[];
  #process: EdgeProcess | null = null;
  #busyUntilMs = 0;
  #isPowerCut = false;
  #lives = 0;

  constructor(parts: BoxParts) {
    const { seed, siteId, scheduler, trace, connectorIds, folder } = parts;
    this.#parts = parts;
    this.siteId = siteId;
    this.#dice = new Dice(seed, `box ${siteId}`);
    this.clock = new BoxClock(scheduler, new Dice(seed, `clock ${siteId}`));
    this.holds = new Holds(siteId, () => scheduler.nowMs, parts.violations);
    this.disk = new EdgeDisk(siteId, {
      dice: new Dice(seed, `disk ${siteId}`),
      trace,
      onCut: () => this.cutPower(this.#dice.span(60_000), this.#dice.chance(0.2)),
      holds: this.holds,
      onHold: () => parts.onHold(this),
      onViolation: (invariant, detail) => parts.violations.add(invariant, `${siteId}: ${detail}`),
    });
    this.ledgerPath = join(folder, 'ledger.db');
    const nowMs = () => scheduler.nowMs;
    this.piles = new Map(connectorIds.map((id, i) => [id, new Pile(id, nowMs, 1000 * (i + 1))]));
    this.#facts = connectorIds.map((connectorId) => ({
      ...somePile,
      siteId,
      connectorId,
      pileId: `${connectorId}-pile`,
      stopsByItselfAfterMs: null,
    }));
  }

  get process(): EdgeProcess | null {
    return this.#process;
  }

  /** Something is going on: timers are on time for a while. */
  stir(connectorId?: string): void {
    const { nowMs } = this.#parts.scheduler;
    const wasCalm = nowMs >= this.#busyUntilMs;
    this.#busyUntilMs = nowMs + CALM_AFTER_MS;
    if (wasCalm) this.#process?.timers.wake();
    if (connectorId !== undefined) this.#process?.connectors.get(connectorId)?.stir();
  }

  start(): void {
    if (this.#process !== null) return;
    const { siteId, shard, folder, scheduler, broker, trace, log, schedule, cards, violations } = this.#parts;
    this.#lives += 1;
    this.#isPowerCut = false;
    trace.note(siteId, `starts, life ${this.#lives}`);
    this.stir();
    this.#process = new EdgeProcess({
      site: siteOf({ siteId, shard, folder, facts: this.#facts }),
      facts: this.#facts,
      schedule,
      cards,
      scheduler,
      dice: this.#dice,
      clock: this.clock,
      disk: this.disk,
      broker,
      wire: this.wire,
      piles: this.piles,
      log,
      isCalm: () => scheduler.nowMs >= this.#busyUntilMs,
      isPowerCut: () => this.#isPowerCut,
      onStart: (connectorId, sessionId, commandId) => this.#parts.onStart(this, connectorId, sessionId, commandId),
      onHeld: (held) => this.holds.sees(held),
      onTaken: (topic, payload) => this.#parts.onTaken(this, topic, payload),
      onNoStore: () => this.kill(),
      onThrow: (error) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        violations.add('the edge does not end by itself', `${siteId}: ${text}`);
        this.kill();
      },
    });
  }

  /** The process is killed; the service manager starts it again. */
  kill(): void {
    if (this.#process === null) return;
    this.#parts.trace.note(this.siteId, 'is killed');
    this.#end();
    this.#parts.scheduler.after(RESTART_MS, () => this.start());
  }

  /** The box loses its power for so long; piles and cars have their own. */
  cutPower(forMs: number, hasLostTime: boolean): void {
    if (this.#process === null) return;
    this.#parts.trace.note(this.siteId, `has no power for ${forMs} ms`);
    this.#isPowerCut = true;
    this.holds.losesPower(forMs + BOOT_MS);
    this.#end();
    this.#parts.scheduler.after(forMs + BOOT_MS, () => {
      this.clock.reboot(hasLostTime);
      this.start();
    });
  }

  #end(): void {
    const process = this.#process;
    this.#process = null;
    process?.life.end();
  }

  /** The end of the run: nothing is started again. */
  close(): void {
    this.#end();
  }

  /** The last record that was committed. */
  head(): number {
    return Number(this.ask(`SELECT seq FROM sqlite_sequence WHERE name = 'outbox'`)[0]?.seq ?? 0);
  }

  /** Reads the ledger as somebody else does. */
  ask(sql: string, ...values: unknown[]): Record<string, unknown>[] {
    const database = new Database(this.ledgerPath, { readonly: true });
    try {
      return database.prepare<unknown[], Record<string, unknown>>(sql).all(...values);
    } finally {
      database.close();
    }
  }
}

function siteOf(site: { siteId: string; shard: number; folder: string; facts: readonly ConnectorFacts[] }) {
  const { siteId, shard, folder, facts } = site;
  const shape = siteShapeSchema.parse({
    siteId,
    dataDir: folder,
    supplyLimitMa: 100_000,
    cloud: { brokerUrl: 'mqtt://broker.test', shard },
    lines: [{ lineId: 'L1', transport: 'tcp', host: 'pile.test', port: 502 }],
    piles: facts.map(({ pileId, connectorId, limitMa }, i) => ({
      pileId,
      connectorId,
      profile: 'none',
      lineId: 'L1',
      unit: i + 1,
      limitMa,
    })),
    storage: { ballastMb: 0, ledgerMaxMb: 8, samplesMaxMb: 1 },
  });
  return { ...shape, file: join(folder, 'site.json') };
}
