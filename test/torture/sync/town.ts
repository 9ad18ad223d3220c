import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { PartnerClient } from '../../../scripts/start/partner-client.ts';
import { StaffClient } from '../../../scripts/start/staff-client.ts';
import { type CloudReady, DEMO_TARIFF } from '../../../scripts/start/station.ts';
import { registerWebhook } from '../../../scripts/start/walk.ts';
import { WebhookReceiver } from '../../../scripts/start/webhook-receiver.ts';
import {
  findMosquitto,
  freePort,
  type MosquittoEngine,
  type RestartableEngine,
  startMosquitto,
  startPostgres,
} from '../../e2e/engines.ts';
import { listedCards } from '../../stand/card-site.ts';
import { SimulatedStation, type StationDocument } from '../../stand/simulated-station.ts';
import { connectorOf, quickCar, siteOf } from '../../stand/small-site.ts';
import { FaultProxy } from '../../sync/fault-proxy.ts';
import { type Part, SITES, type SiteName, type Way } from './plan.ts';
import { Supervised } from './supervised.ts';

const LEASE_S = 4;
/** Starts give up sooner than in the field: there is less time for more of them. */
const START_TIMEOUT_S = 20;
const PILES_PER_SITE = 3;

/** Two sites with a cloud of two processes, a real broker and a real database, and a way that can be made bad between any two. */
export interface Town {
  readonly folder: string;
  readonly sites: readonly SiteName[];
  readonly parts: Readonly<Record<Part, Supervised>>;
  readonly ways: Readonly<Record<Way, FaultProxy>>;
  readonly broker: MosquittoEngine;
  readonly database: RestartableEngine;
  /** Past the proxies. */
  readonly db: pg.Pool;
  readonly partner: PartnerClient;
  readonly receiver: WebhookReceiver;
  readonly station: SimulatedStation;
  readonly ledgerFile: (site: SiteName) => string;
  /** @param keep leaves the folder with its logs for somebody to look at */
  close(keep?: boolean): Promise<void>;
}

export const pilesOf = (site: SiteName): string[] =>
  Array.from({ length: PILES_PER_SITE }, (_, i) => `${site === 'site-1' ? 'A' : 'B'}${i + 1}`);

export const stationOf = (sites: readonly SiteName[]): StationDocument => kebaStation('town', sites.flatMap(pilesOf));

/** KEBAs, each behind a socket of its own, with their own card readers. */
export function kebaStation(stationId: string, pileIds: readonly string[]): StationDocument {
  return {
    stationId,
    seed: 4711,
    lines: pileIds.map((pileId) => ({
      lineId: `tcp-${pileId}`,
      transport: 'tcp',
      host: '127.0.0.1',
      port: 0,
      turnaroundMs: 3,
    })),
    piles: pileIds.map((pileId, i) => ({
      pileId,
      model: 'keba-p30',
      lineId: `tcp-${pileId}`,
      unit: 255,
      vehicle: quickCar,
      initialRegisterWh: 3_451_207.43 + i * 1000,
    })),
  };
}

export async function openTown(): Promise<Town> {
  const mosquitto = findMosquitto();
  if (mosquitto === null) throw new Error('this needs Mosquitto: apt-get install mosquitto');
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-town-'));
  const stops: (() => Promise<unknown>)[] = [];
  const close = async (keep = false) => {
    for (const stop of stops.splice(0).reverse()) await stop();
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { ...(await build(folder, mosquitto, stops)), folder, close };
  } catch (error) {
    await close(true);
    throw error;
  }
}

async function build(folder: string, mosquitto: string, stops: (() => Promise<unknown>)[]) {
  const receiver = await WebhookReceiver.listen();
  stops.push(() => receiver.close());
  const station = await SimulatedStation.open(folder, stationOf(SITES));
  stops.push(() => station.close());
  const database = await startPostgres();
  stops.push(() => database.stop());
  const broker = await startMosquitto(mosquitto);
  stops.push(() => broker.stop());
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  // The next query gets a new connection.
  db.on('error', () => {});
  stops.push(() => db.end());
  const ways = await openWays(broker.url, database.url);
  stops.push(() => Promise.all(Object.values(ways).map((way) => way.close())));

  const cloudDir = join(folder, 'cloud');
  const httpPort = await freePort();
  const cloudPart = async (part: 'front' | 'ingest', env: Record<string, string>) => {
    const program = new Supervised({
      name: part,
      program: 'cloud/main.ts',
      env: {
        PILEGATE_DATA_DIR: cloudDir,
        PILEGATE_INGEST_LEASE_S: String(LEASE_S),
        DATABASE_URL: through(ways[`${part} to database`], database.url, part),
        BROKER_URL: ways[`${part} to broker`].mqttUrl,
        ...env,
      },
      logFile: join(folder, `${part}.log`),
    });
    stops.push(() => program.stop());
    const ready = await program.whenReady();
    return { program, ready: ready as CloudReady };
  };
  const front = await cloudPart('front', {
    PILEGATE_HTTP_PORT: String(httpPort),
    PILEGATE_START_TIMEOUT_S: String(START_TIMEOUT_S),
    // One partner asks for all the cars of the town, all the time.
    PILEGATE_RATE_LIMITS: 'read=60000/10000,control=60000/10000',
    PILEGATE_WEBHOOK_DEV_ALLOW: receiver.hostPort,
    PILEGATE_WEBHOOK_RETRY_S: '1,1,2,2,5,5,5,5,5,5,5,5',
  });
  const ingest = await cloudPart('ingest', { PILEGATE_ROLE: 'ingest' });
  const { httpUrl } = front.ready;
  const staff = new StaffClient(httpUrl, cloudDir);
  const partner = new PartnerClient(httpUrl, await staff.createPartner('town-partner', 'Partner'));
  await registerWebhook(partner, receiver);
  const dataDirs = new Map<SiteName, string>();
  const edges = new Map<SiteName, Supervised>();
  for (const site of SITES) {
    const siteFile = await prepareSite(folder, site, { staff, station, way: ways[`${site} to broker`] });
    dataDirs.set(site, join(folder, site, 'data'));
    const edge = new Supervised({
      name: site,
      program: 'edge/main.ts',
      args: ['--site', siteFile],
      logFile: join(folder, `${site}.log`),
    });
    stops.push(() => edge.stop());
    edges.set(site, edge);
  }
  const edgeOf = (site: SiteName): Supervised => {
    const edge = edges.get(site);
    if (edge === undefined) throw new TypeError(`there is no ${site}`);
    return edge;
  };
  const parts: Record<Part, Supervised> = {
    front: front.program,
    ingest: ingest.program,
    'site-1': edgeOf('site-1'),
    'site-2': edgeOf('site-2'),
  };
  const ledgerFile = (site: SiteName) => join(dataDirs.get(site) ?? '', 'ledger.db');
  return { sites: SITES, parts, ways, broker, database, db, partner, receiver, station, ledgerFile };
}

async function openWays(brokerUrl: string, databaseUrl: string): Promise<Record<Way, FaultProxy>> {
  const before = (url: string) => FaultProxy.before(url);
  return {
    'site-1 to broker': await before(brokerUrl),
    'site-2 to broker': await before(brokerUrl),
    'front to broker': await before(brokerUrl),
    'ingest to broker': await before(brokerUrl),
    'front to database': await before(databaseUrl),
    'ingest to database': await before(databaseUrl),
  };
}

function through(way: FaultProxy, databaseUrl: string, name: string): string {
  const url = new URL(databaseUrl);
  url.port = String(way.port);
  url.searchParams.set('application_name', name);
  return url.href;
}

/** Makes a site known to the cloud, and writes its file. @returns the file */
export async function prepareSite(
  folder: string,
  site: SiteName,
  parts: {
    readonly staff: StaffClient;
    readonly station: Pick<SimulatedStation, 'lines'>;
    /** Default: its share of the town. */
    readonly document?: StationDocument;
    /** Where the site finds the broker. */
    readonly way: Pick<FaultProxy, 'mqttUrl'>;
    /** Default: that of `siteOf`. */
    readonly supplyLimitMa?: number;
  },
): Promise<string> {
  const { staff, station, way, document = stationOf([site]), supplyLimitMa } = parts;
  const own: { shard: number; broker_password: string } = await staff.call('POST', '/staff/v1/sites', {
    site_id: site,
    name: site,
    environment: 'sandbox',
    timezone: DEMO_TARIFF.timezone,
    login: 'password',
    connectors: document.piles.map(({ pileId, model }) => ({
      connector_id: connectorOf(pileId),
      pile_id: pileId,
      model,
      max_power_w: 11_000,
    })),
  });
  await staff.publishTariff([site], DEMO_TARIFF);
  const siteFolder = join(folder, site);
  mkdirSync(join(siteFolder, 'data'), { recursive: true });
  writeFileSync(join(siteFolder, 'password'), own.broker_password);
  const lines = station.lines.filter(({ lineId }) => document.lines.some((line) => line.lineId === lineId));
  const base = siteOf(document, lines, way.mqttUrl);
  const file = join(siteFolder, 'site.json');
  writeFileSync(
    file,
    JSON.stringify({
      ...base,
      siteId: site,
      ...(supplyLimitMa !== undefined && { supplyLimitMa }),
      piles: (base.piles as object[]).map((pile) => ({ ...pile, readsCards: true })),
      cloud: { brokerUrl: way.mqttUrl, shard: own.shard, passwordFile: 'password' },
      ...listedCards(siteFolder, DEMO_TARIFF, 'refuse'),
    }),
  );
  return file;
}
