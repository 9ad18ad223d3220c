import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { ConnectorView, StartCommand, StopCommand } from '#shared/wire/messages.ts';
import { EdgeProcess } from './edge-process.ts';
import { type FinalReport, ScriptedCloud } from './scripted-cloud.ts';
import { SimulatedStation, type StationDocument } from './simulated-station.ts';
import { connectorOf, SITE_ID, type SiteDocument, siteOf, smallStation } from './small-site.ts';

/**
 * A small site for tests of the whole edge: the simulator in a process of its own, the real `edge/main.ts` in another,
 * and in this one a broker with a scripted cloud. Several stands run side by side.
 *
 *     const stand = await Stand.open();
 *     await stand.plug('A1');
 *     const start = stand.start('A1');
 *     await stand.status('A1', 'charging');
 *     await stand.edge.kill('SIGKILL');
 *     await stand.restart();
 *     stand.stop('A1');
 *     const cdr = await stand.cdr('A1');
 *     await stand.close();
 *
 * What the edge has told is in `stand.cloud`, its log in `stand.edge.log`, and what truly happened in `stand.station`.
 */
export interface StandShape {
  /** The three piles of {@link smallStation} when left out. */
  readonly station?: StationDocument;
  /** Changes the site's file before the edge reads it. */
  readonly site?: (document: SiteDocument) => SiteDocument;
  /** Added to the edge's environment, in each of its lives. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface PilectlResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = join(import.meta.dirname, '..', '..');
const START_TTL_MS = 60_000;
const CDR_WITHIN_MS = 60_000;
const STATUS_WITHIN_MS = 30_000;

const tariff: Tariff = {
  tariffId: 'stand',
  version: 1,
  currency: 'CNY',
  timezone: 'Asia/Shanghai',
  bands: [{ name: 'all day', startMinute: 0, electricityPriceE4: 7200, servicePriceE4: 4500 }],
};

export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` gives something; fails with what was waited for. */
export async function until<Value>(
  what: string,
  withinMs: number,
  look: () => Value | null | undefined | false | Promise<Value | null | undefined | false>,
): Promise<Value> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (performance.now() > untilMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pass(25);
  }
}

export class Stand {
  /** Everything of this stand: the site's file, the edge's `data`, and the logs. */
  readonly folder: string;
  readonly cloud: ScriptedCloud;
  readonly station: SimulatedStation;
  /** The present life of the edge, or its last one. */
  edge: EdgeProcess;
  readonly #shape: StandShape;
  /** The last connection that the cloud heard of before the present life of the edge. */
  #formerEpoch: string | null = null;
  /** A test run that is broken off leaves nothing running. */
  readonly #onExit = () => {
    void this.edge.kill('SIGKILL');
    this.station.kill();
  };

  private constructor(folder: string, cloud: ScriptedCloud, station: SimulatedStation, shape: StandShape) {
    this.folder = folder;
    this.cloud = cloud;
    this.station = station;
    this.#shape = shape;
    this.edge = this.#newEdge();
    process.once('exit', this.#onExit);
  }

  static async open(shape: StandShape = {}): Promise<Stand> {
    const folder = mkdtempSync(join(tmpdir(), 'pilegate-stand-'));
    const cloud = await ScriptedCloud.listen(SITE_ID);
    const document = shape.station ?? smallStation;
    const station = await SimulatedStation.open(folder, document).catch(async (error: unknown) => {
      await cloud.close();
      throw error;
    });
    const site = siteOf(document, station.lines, cloud.brokerUrl);
    writeFileSync(join(folder, 'site.json'), JSON.stringify(shape.site?.(site) ?? site));
    const stand = new Stand(folder, cloud, station, shape);
    try {
      await stand.edge.ready;
      return stand;
    } catch (error) {
      await stand.close();
      throw error;
    }
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get ledgerFile(): string {
    return join(this.dataDir, 'ledger.db');
  }

  /** Every pile of the station. */
  get pileIds(): string[] {
    return (this.#shape.station ?? smallStation).piles.map(({ pileId }) => pileId);
  }

  #newEdge(env: Readonly<Record<string, string>> = {}): EdgeProcess {
    return new EdgeProcess({
      siteFile: join(this.folder, 'site.json'),
      logFile: join(this.folder, 'edge.log'),
      env: { ...this.#shape.env, ...env },
    });
  }

  /** Begins another life of an edge that has ended; does not wait until it is ready. */
  begin(env: Readonly<Record<string, string>> = {}): EdgeProcess {
    if (this.edge.isRunning) throw new Error('the edge is running');
    this.#formerEpoch = this.cloud.hello?.connectionEpoch ?? null;
    this.edge = this.#newEdge(env);
    return this.edge;
  }

  /** Begins another life of an edge that has ended, and waits until it is ready. */
  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.begin(env).ready;
  }

  /** Plugs the car in and waits until the edge has seen it. */
  async plug(pileId: string): Promise<void> {
    await this.station.vehicle(pileId, { plugged: true });
    await this.status(pileId, 'plugged');
  }

  /** Sends a start as the cloud would. @returns the command's id */
  start(pileId: string, change: Partial<Pick<StartCommand, 'ttlMs' | 'tariff' | 'limits' | 'holdMinor'>> = {}): string {
    const issuedAtMs = Date.now();
    const head = this.#commandHead(pileId, issuedAtMs);
    const terms = { ttlMs: START_TTL_MS, tariff, ...change };
    const expiresAtMs = issuedAtMs + terms.ttlMs;
    this.cloud.send({ ...head, kind: 'start', expect: 'no-session', expiresAtMs, ...terms });
    return head.commandId;
  }

  /** Sends a stop for the session that was last told of at this pile. @returns the command's id */
  stop(pileId: string, reason: StopCommand['reason'] = 'partner'): string {
    const session = this.cloud.recordsOf('session.started').findLast((started) => started.pileId === pileId);
    if (session === undefined) throw new Error(`the cloud knows no session at ${pileId}`);
    const head = this.#commandHead(pileId, Date.now());
    this.cloud.send({ ...head, kind: 'stop', sessionId: session.sessionId, reason });
    return head.commandId;
  }

  #commandHead(pileId: string, issuedAtMs: number) {
    const ids = { commandId: randomUUID(), requestId: randomUUID(), orderId: randomUUID() };
    return { v: 1 as const, ...ids, connectorId: connectorOf(pileId), issuedAtMs };
  }

  /** The connector as the edge last showed it to the cloud; null before it has. */
  view(pileId: string): ConnectorView | null {
    return this.cloud.state?.connectors.find((one) => one.pileId === pileId) ?? null;
  }

  /** Waits until the edge, in its present life, shows this status. */
  async status(pileId: string, status: ConnectorView['status'], withinMs = STATUS_WITHIN_MS): Promise<void> {
    const isShown = () => this.isHeard && this.view(pileId)?.status === status;
    await until(`${pileId} is ${status}`, withinMs, isShown);
  }

  /** The cloud hears the present life of the edge: what it shows is not what an earlier one has shown. */
  get isHeard(): boolean {
    const { state, hello } = this.cloud;
    const isOfThisLife = hello !== null && hello.connectionEpoch !== this.#formerEpoch;
    return this.edge.isRunning && isOfThisLife && state?.connectionEpoch === hello.connectionEpoch;
  }

  /** Waits for the final outcome of a command. */
  outcome(commandId: string, withinMs = CDR_WITHIN_MS): Promise<FinalReport> {
    return until(`an outcome of ${commandId}`, withinMs, () => this.cloud.outcomesOf(commandId)[0]);
  }

  /** Waits for the record of the last charge that was told of at this pile. */
  cdr(pileId: string, withinMs = CDR_WITHIN_MS): Promise<Cdr> {
    return until(`the record of ${pileId}`, withinMs, () => {
      const sessionId = this.cloud.recordsOf('session.started').findLast((one) => one.pileId === pileId)?.sessionId;
      return this.cdrs().find((cdr) => cdr.sessionId === sessionId);
    });
  }

  /** All records of charges that the cloud has. */
  cdrs(): Cdr[] {
    return this.cloud.recordsOf('session.ended').map(({ cdr }) => cdr);
  }

  /** Runs the technician's command line on this edge. */
  async pilectl(...args: string[]): Promise<PilectlResult> {
    const program = join(ROOT, 'edge/cli/pilectl.ts');
    const child = spawn(process.execPath, [program, '--data', this.dataDir, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { exitCode, stdout, stderr };
  }

  /** @param keep leaves the folder with its logs for somebody to look at */
  async close({ keep = false } = {}): Promise<void> {
    if (this.edge.isRunning) await this.edge.stop();
    await this.cloud.close();
    await this.station.close();
    process.off('exit', this.#onExit);
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
