import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startChild } from '../../scripts/start/child.ts';
import { findMosquitto, startMosquitto, startPostgres } from '../e2e/engines.ts';
import { insertRate } from './ingest-inserts.ts';
import { IngestSite } from './ingest-site.ts';
import { percentile, round } from './measure.ts';
import { figuresOf } from './process-figures.ts';
import { slopePercent } from './slope.ts';

const SITES = 2_000;
const SHARDS = 64;
/** How many connect at a time. */
const CONNECT_AT_ONCE = 50;
/** As many as an edge sends at a time. */
const BATCH_RECORDS = 200;
/** How many sites have a backlog. */
const BUSY_SITES = 40;
const RATE_S = 15;
const WARM_UP_S = 4;
const INSERT_BATCHES = 400;
const INSERT_CONNECTIONS = 4;
const HELD_S = 20;
/** While they are held: records of all of them together. */
const HELD_RECORDS_PER_S = 1_000;
const RSS_EVERY_MS = 1_000;
/** Less says nothing of the slope. */
const SLOPE_FROM_S = 300;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * How many records a second end up in PostgreSQL for good: sites over Mosquitto, one ingest process, PostgreSQL with fsync and
 * synchronous commits, all on this machine. Beside it what bare INSERTs of the same rows reach. Then all sites are held.
 *
 * @param heldS for how long all sites are held, in seconds
 */
export async function ingest(heldS = HELD_S): Promise<Record<string, number | null>> {
  const mosquitto = findMosquitto();
  if (mosquitto === null) throw new Error('this needs Mosquitto: apt-get install mosquitto');
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-ingest-'));
  const [broker, database] = await Promise.all([startMosquitto(mosquitto), startPostgres()]);
  const sites: IngestSite[] = [];
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  const process = await startChild({
    name: 'ingest',
    program: 'cloud/main.ts',
    env: {
      PILEGATE_ROLE: 'ingest',
      PILEGATE_DATA_DIR: folder,
      PILEGATE_LOG_LEVEL: 'error',
      DATABASE_URL: `${database.url}?application_name=ingest`,
      BROKER_URL: broker.url,
    },
    logFile: join(folder, 'ingest.log'),
  });
  try {
    await db.query(`insert into sites (site_id, name, environment, timezone, shard, created_at_ms, updated_at_ms)
      select 'bench-' || n, 'Bench ' || n, 'sandbox', 'Asia/Shanghai', n % ${SHARDS}, 0, 0 from generate_series(0, ${SITES - 1}) as n`);
    await db.query(`insert into connectors (connector_id, site_id, pile_id, model, max_power_w)
      select site_id || '-c', site_id, site_id || '-p', 'bench', 7000 from sites`);
    for (let from = 0; from < SITES; from += CONNECT_AT_ONCE) {
      const numbers = Array.from({ length: Math.min(CONNECT_AT_ONCE, SITES - from) }, (_, i) => from + i);
      sites.push(
        ...(await Promise.all(numbers.map((n) => IngestSite.connect(broker.url, `bench-${n}`, n, n % SHARDS)))),
      );
    }
    const rate = await recordsPerSecond(sites, db, process.pid);
    const inserts = await insertRate(database.url, BATCH_RECORDS, INSERT_BATCHES, INSERT_CONNECTIONS);
    const held = await hold(sites, process.pid, heldS);
    const refused = sites.reduce((sum, site) => sum + site.refusedCount, 0);
    // In this order: what is acknowledged by now is stored, and the sites go on.
    const acked = sites.reduce((sum, site) => sum + site.acked, 0);
    const stored = await storedCount(db);
    if (refused > 0 || stored < acked) throw new Error(`${refused} refused, ${acked} acknowledged, ${stored} stored`);
    return {
      records_per_s: Math.round(rate.recordsPerS),
      insert_records_per_s: Math.round(inserts),
      ratio_to_insert: round(rate.recordsPerS / inserts),
      ack_p50_ms: round(rate.ackP50Ms, 0),
      ingest_core_fraction: round(rate.cpuFraction),
      ...held,
      sites: SITES,
    };
  } finally {
    await Promise.all(sites.map((site) => site.close()));
    await process.stop();
    await db.end();
    await broker.stop();
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const storedCount = async (db: pg.Pool): Promise<number> =>
  Number((await db.query(`select count(*) as n from site_records where site_id like 'bench-%'`)).rows[0].n);

/** Some sites have a backlog, and nothing else is asked of anybody. */
async function recordsPerSecond(sites: readonly IngestSite[], db: pg.Pool, pid: number) {
  const busy = sites.slice(0, BUSY_SITES);
  for (const site of busy) site.tell(BATCH_RECORDS, 0);
  await pause(WARM_UP_S * 1000);
  for (const site of busy) site.ackMs.length = 0;
  const [storedBefore, before] = [await storedCount(db), figuresOf(pid)];
  await pause(RATE_S * 1000);
  const [storedAfter, after] = [await storedCount(db), figuresOf(pid)];
  for (const site of busy) site.tell(0, 0);
  await pause(1000);
  const ackMs = busy.flatMap((site) => site.ackMs);
  return {
    recordsPerS: ((storedAfter - storedBefore) * 1000) / (after.atMs - before.atMs),
    cpuFraction: (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs),
    ackP50Ms: percentile(ackMs, 0.5),
  };
}

/** All sites say that they live, and each tells something now and then. */
async function hold(sites: readonly IngestSite[], pid: number, heldS: number): Promise<Record<string, number | null>> {
  const batchRecords = 10;
  const pauseMs = (sites.length * batchRecords * 1000) / HELD_RECORDS_PER_S;
  for (const [i, site] of sites.entries()) {
    site.ackMs.length = 0;
    site.live((i / sites.length) * 2_000);
    setTimeout(() => site.tell(batchRecords, pauseMs), (i / sites.length) * pauseMs);
  }
  // Everything that is made once is made by then.
  await pause(Math.min(heldS / 4, 60) * 1000);
  const before = figuresOf(pid);
  const ackedBefore = sites.reduce((sum, site) => sum + site.acked, 0);
  const rss: { atMs: number; value: number }[] = [];
  const untilMs = performance.now() + heldS * 1000;
  while (performance.now() < untilMs) {
    rss.push({ atMs: performance.now(), value: figuresOf(pid).rssMb });
    await pause(RSS_EVERY_MS);
  }
  const after = figuresOf(pid);
  const heldMs = after.atMs - before.atMs;
  const acked = sites.reduce((sum, site) => sum + site.acked, 0) - ackedBefore;
  const ackMs = sites.flatMap((site) => site.ackMs);
  return {
    held_s: Math.round(heldMs / 1000),
    held_records_per_s: Math.round((acked * 1000) / heldMs),
    held_ack_p99_ms: ackMs.length === 0 ? null : round(percentile(ackMs, 0.99), 0),
    held_core_fraction: round((after.cpuMs - before.cpuMs) / heldMs),
    rss_mb: round(after.rssMb, 0),
    rss_slope_percent: heldS < SLOPE_FROM_S ? null : round(slopePercent(rss)),
  };
}
