import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Child, startChild } from '../../scripts/start/child.ts';
import { PartnerClient } from '../../scripts/start/partner-client.ts';
import { StaffClient } from '../../scripts/start/staff-client.ts';
import { type CloudReady, DEMO_TARIFF } from '../../scripts/start/station.ts';
import { BOX_LINES, EDGE, PROFILES } from '../bench/bench-site.ts';
import { startProcess } from '../bench/start-process.ts';
import { findMosquitto, startMosquitto, startPostgres } from '../e2e/engines.ts';
import { type Backlog, fillOffline } from './offline-week.ts';

const SITE_ID = 'drain';
const [LINES, BOXES_PER_LINE, BAUD, TURNAROUND_MS] = [4, 5, 115_200, 5];

/**
 * A site of twenty piles that was alone for days, and the cloud that it comes back to: edge, boxes, cloud, broker and database are
 * processes of their own. Mosquitto where it is installed, else the broker of the cloud.
 */
export interface DrainSite {
  readonly connectorIds: readonly string[];
  readonly backlog: Backlog;
  readonly db: pg.Pool;
  readonly cloudPid: number;
  readonly partner: PartnerClient;
  /** Lets the edge begin. @returns its process */
  startEdge(): Promise<{ readonly pid: number }>;
  close(): Promise<void>;
}

export async function openDrainSite(days: number): Promise<DrainSite> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-drain-'));
  const started: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const keep = <Kept extends { stop(): Promise<void> }>(one: Kept): Kept => {
    started.push(() => one.stop());
    return one;
  };
  const close = async () => {
    for (const stop of started.splice(0).reverse()) await stop();
  };
  try {
    const boxes = keep(
      await startProcess([BOX_LINES, ...[LINES, BOXES_PER_LINE, BAUD, TURNAROUND_MS].map(String)], {
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      }),
    );
    const database = keep(await startPostgres());
    const mosquitto = findMosquitto();
    const broker = mosquitto === null ? null : keep(await startMosquitto(mosquitto));
    const cloud = keep(await startCloud(folder, database.url, broker?.url ?? null));
    const staff = new StaffClient(cloud.ready.httpUrl, join(folder, 'cloud'));
    const connectorIds = Array.from({ length: LINES * BOXES_PER_LINE }, (_, i) => `D${1 + i}`);
    const site: { shard: number; broker_password: string } = await staff.call('POST', '/staff/v1/sites', {
      site_id: SITE_ID,
      name: 'Site that was alone',
      environment: 'sandbox',
      timezone: DEMO_TARIFF.timezone,
      login: 'password',
      connectors: connectorIds.map((id) => ({
        connector_id: id,
        pile_id: id,
        model: 'bench-box',
        max_power_w: 11_000,
      })),
    });
    await staff.publishTariff([SITE_ID], DEMO_TARIFF);
    const key = await staff.createPartner('drain-partner', 'Partner');
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    const backlog = fillOffline({
      dataDir,
      siteId: SITE_ID,
      connectorIds,
      tariff: DEMO_TARIFF,
      days,
      untilMs: Date.now() - 60_000,
    });
    const siteFile = join(folder, 'site.json');
    const password = join(folder, 'password');
    writeFileSync(password, site.broker_password);
    const cloudOfSite = { brokerUrl: broker?.url ?? cloud.ready.brokerUrl, shard: site.shard, passwordFile: password };
    writeFileSync(siteFile, JSON.stringify(siteDocument(dataDir, cloudOfSite, boxes.ready as string[], connectorIds)));
    const db = new pg.Pool({ connectionString: database.url, max: 2 });
    started.push(() => db.end());
    return {
      connectorIds,
      backlog,
      db,
      cloudPid: cloud.pid,
      partner: new PartnerClient(cloud.ready.httpUrl, key),
      async startEdge() {
        const log = openSync(join(folder, 'edge.log'), 'a');
        const env = { ...process.env, MALLOC_ARENA_MAX: '2' };
        const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'pipe', log];
        const edge = keep(await startProcess([EDGE, '--site', siteFile, '--profiles', PROFILES], { stdio, env }));
        return { pid: edge.child.pid ?? 0 };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function startCloud(folder: string, databaseUrl: string, brokerUrl: string | null): Promise<Child<CloudReady>> {
  return startChild<CloudReady>({
    name: 'cloud',
    program: 'cloud/main.ts',
    env: {
      PILEGATE_DATA_DIR: join(folder, 'cloud'),
      PILEGATE_HTTP_PORT: '0',
      PILEGATE_MQTT_PORT: '0',
      PILEGATE_LOG_LEVEL: 'warn',
      DATABASE_URL: databaseUrl,
      ...(brokerUrl === null ? {} : { BROKER_URL: brokerUrl }),
    },
    logFile: join(folder, 'cloud.log'),
  });
}

const siteDocument = (dataDir: string, cloud: object, paths: readonly string[], connectorIds: readonly string[]) => ({
  siteId: SITE_ID,
  dataDir,
  supplyLimitMa: 2_000_000,
  // The pace of samples is for links that cost; here it is the machines that count.
  cloud: { ...cloud, samplesBytesPerS: 10_000_000 },
  lines: paths.map((path, i) => ({
    lineId: `L${i + 1}`,
    transport: 'serial',
    path,
    baud: BAUD,
    parity: 'even',
    stopBits: 1,
  })),
  piles: connectorIds.map((connectorId, i) => ({
    pileId: connectorId,
    connectorId,
    profile: 'bench-box',
    lineId: `L${1 + Math.floor(i / BOXES_PER_LINE)}`,
    unit: 1 + (i % BOXES_PER_LINE),
    limitMa: 16_000,
  })),
});
