import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startChild } from '../../scripts/start/child.ts';
import { findMosquitto, startMosquitto, startPostgres } from '../e2e/engines.ts';
import { INSPECTED, openCollector } from './garbage-collector.ts';
import { hold, shortcomings } from './ingest-hold.ts';
import { insertRate } from './ingest-inserts.ts';
import { IngestSite } from './ingest-site.ts';
import { percentile, round } from './measure.ts';
import { figuresOf } from './process-figures.ts';

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

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * How many records a second end up in PostgreSQL for good: sites over Mosquitto, one ingest process, PostgreSQL with fsync and
 * synchronous commits, all on this machine. Beside it what bare INSERTs of the same rows reach. Then all sites are held. The process
 * fails when its memory grows meanwhile, or a site is lost.
 *
 * @param heldS for how long all sites are held, in seconds
 */
export async function measureIngest(heldS = HELD_S): Promise<Record<string, number | null>> {
  const mosquitto = findMosquitto();
  if (mosquitto === null) throw new Error('this needs Mosquitto: apt-get install mosquitto');
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-ingest-'));
  const [broker, database] = await Promise.all([startMosquitto(mosquitto), startPostgres()]);
  const sites: IngestSite[] = [];
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  const ingest = await startChild({
    name: 'ingest',
    program: 'cloud/main.ts',
    env: {
      ...INSPECTED,
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
    const rate = await recordsPerSecond(sites, db, ingest.pid);
    const inserts = await insertRate(database.url, BATCH_RECORDS, INSERT_BATCHES, INSERT_CONNECTIONS);
    const collector = await openCollector(join(folder, 'ingest.log'));
    const held = await hold(sites, db, { pid: ingest.pid, collect: () => collector.collect() }, heldS);
    collector.close();
    const refused = sites.reduce((sum, site) => sum + site.refusedCount, 0);
    // In this order: what is acknowledged by now is stored, and the sites go on.
    const acked = sites.reduce((sum, site) => sum + site.acked, 0);
    const stored = await storedCount(db);
    for (const shortcoming of shortcomings(held, SITES)) {
      process.stderr.write(`  ${shortcoming}\n`);
      process.exitCode = 1;
    }
    if (refused > 0 || stored < acked) throw new Error(`${refused} refused, ${acked} acknowledged, ${stored} stored`);
    return {
      records_per_s: Math.round(rate.recordsPerS),
      insert_records_per_s: Math.round(inserts),
      ratio_to_insert: round(rate.recordsPerS / inserts),
      ack_p50_ms: round(rate.ackP50Ms, 0),
      ingest_core_fraction: round(rate.cpuFraction),
      ...held,
    };
  } finally {
    await Promise.all(sites.map((site) => site.close()));
    await ingest.stop();
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
