import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { PartnerClient, type PartnerKey } from '../../../scripts/start/partner-client.ts';
import { StaffClient } from '../../../scripts/start/staff-client.ts';
import {
  findMosquitto,
  freePort,
  type MosquittoEngine,
  type RestartableEngine,
  startMosquitto,
  startPostgres,
} from '../../e2e/engines.ts';
import { SimulatedStation, type StationDocument } from '../../stand/simulated-station.ts';
import type { SiteName } from '../sync/plan.ts';
import { Supervised } from '../sync/supervised.ts';
import { prepareSite, stationOf } from '../sync/town.ts';

export const SITE: SiteName = 'site-1';
export const APIS = ['api-1', 'api-2'] as const;
export const PROGRAMS = [...APIS, 'worker', 'ingest', 'edge'] as const;
export type Program = (typeof PROGRAMS)[number];

const LEASE_S = 2;

export interface BlockSettings {
  readonly startTimeoutS?: number;
  /** For how long a silent site is asked how an overdue start has ended. */
  readonly startSilenceS?: number;
  /** Between two attempts at a webhook. */
  readonly webhookRetryS?: number;
  /** `host:port` of receivers that webhooks may go to. */
  readonly receivers?: readonly string[];
  /** Default: three piles. */
  readonly document?: StationDocument;
  /** What the supply of the site carries on each phase; as `siteOf` has it when left out. */
  readonly supplyLimitMa?: number;
  /** Where the edge finds each line, given where it truly is. */
  readonly reach?: (lines: StationDocument['lines']) => Promise<StationDocument['lines']>;
}

/** A site with a cloud of one process for each role, two for the API, on a real broker and a real database. */
export interface Block {
  readonly folder: string;
  readonly programs: Readonly<Record<Program, Supervised>>;
  readonly broker: MosquittoEngine;
  readonly database: RestartableEngine;
  readonly db: pg.Pool;
  readonly station: SimulatedStation;
  readonly ledgerFile: string;
  readonly logFile: (program: Program) => string;
  readonly createPartner: (partnerId: string) => Promise<PartnerKey>;
  /** One client for each process of the API. */
  readonly clientsOf: (key: PartnerKey) => PartnerClient[];
  /** @param keep leaves the folder with its logs for somebody to look at */
  close(keep?: boolean): Promise<void>;
}

export async function openBlock(settings: BlockSettings = {}): Promise<Block> {
  const mosquitto = findMosquitto();
  if (mosquitto === null) throw new Error('this needs Mosquitto: apt-get install mosquitto');
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-block-'));
  const stops: (() => Promise<unknown>)[] = [];
  const close = async (keep = false) => {
    for (const stop of stops.splice(0).reverse()) await stop();
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { ...(await build(folder, mosquitto, stops, settings)), folder, close };
  } catch (error) {
    await close(true);
    throw error;
  }
}

async function build(folder: string, mosquitto: string, stops: (() => Promise<unknown>)[], settings: BlockSettings) {
  const {
    startTimeoutS = 60,
    startSilenceS = 60,
    webhookRetryS = 0.5,
    receivers = [],
    reach,
    supplyLimitMa,
  } = settings;
  const { document = stationOf([SITE]) } = settings;
  const [station, database, broker] = await Promise.all([
    SimulatedStation.open(folder, document),
    startPostgres(),
    startMosquitto(mosquitto),
  ]);
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  // The next query gets a new connection.
  db.on('error', () => {});
  stops.push(
    () => station.close(),
    () => database.stop(),
    () => broker.stop(),
    () => db.end(),
  );

  const cloudDir = join(folder, 'cloud');
  mkdirSync(cloudDir);
  const logFile = (program: Program) => join(folder, `${program}.log`);
  const start = (name: Program, program: string, env: Record<string, string>, args: readonly string[] = []) => {
    const supervised = new Supervised({ name, program, args, env, logFile: logFile(name) });
    stops.push(() => supervised.stop());
    return supervised;
  };
  const urls = new Map<string, string>();
  const cloudPart = async (name: Exclude<Program, 'edge'>) => {
    const isApi = name === 'api-1' || name === 'api-2';
    const port = await freePort();
    urls.set(name, `http://127.0.0.1:${port}`);
    return start(name, 'cloud/main.ts', {
      PILEGATE_ROLE: isApi ? 'api' : name,
      PILEGATE_DATA_DIR: cloudDir,
      PILEGATE_INGEST_LEASE_S: String(LEASE_S),
      PILEGATE_START_TIMEOUT_S: String(startTimeoutS),
      PILEGATE_START_SILENCE_S: String(startSilenceS),
      // A few partners ask all the time.
      PILEGATE_RATE_LIMITS: 'read=60000/10000,control=60000/10000',
      PILEGATE_WEBHOOK_DEV_ALLOW: receivers.join(','),
      PILEGATE_WEBHOOK_RETRY_S: Array.from({ length: 60 }, () => webhookRetryS).join(','),
      DATABASE_URL: `${database.url}?application_name=${name}`,
      BROKER_URL: broker.url,
      ...(isApi && { PILEGATE_HTTP_PORT: String(port) }),
    });
  };
  // The first one makes the keys and the tables.
  const first = await cloudPart('api-1');
  await first.whenReady();
  const others = {
    'api-2': await cloudPart('api-2'),
    worker: await cloudPart('worker'),
    ingest: await cloudPart('ingest'),
  };
  const ready = Promise.all(Object.values(others).map((one) => one.whenReady()));
  const staff = new StaffClient(urls.get('api-1') ?? '', cloudDir);
  const lines = (await reach?.(station.lines)) ?? station.lines;
  const siteFile = await prepareSite(folder, SITE, {
    staff,
    station: { lines },
    document,
    way: { mqttUrl: broker.url },
    ...(supplyLimitMa !== undefined && { supplyLimitMa }),
  });
  await ready;
  const edge = start('edge', 'edge/main.ts', {}, ['--site', siteFile]);
  await edge.whenReady();
  return {
    programs: { 'api-1': first, ...others, edge },
    broker,
    database,
    db,
    station,
    ledgerFile: join(folder, SITE, 'data', 'ledger.db'),
    logFile,
    createPartner: (partnerId: string) => staff.createPartner(partnerId, partnerId),
    clientsOf: (key: PartnerKey) => APIS.map((api) => new PartnerClient(urls.get(api) ?? '', key)),
  };
}
