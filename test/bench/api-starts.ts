import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Child, startChild } from '../../scripts/start/child.ts';
import type { PartnerKey } from '../../scripts/start/partner-client.ts';
import { StaffClient } from '../../scripts/start/staff-client.ts';
import { type CloudReady, DEMO_TARIFF } from '../../scripts/start/station.ts';
import { findMosquitto, startMosquitto, startPostgres } from '../e2e/engines.ts';
import type { LoadSeen, LoadTask } from './api-load.ts';
import { percentile, round } from './measure.ts';
import { figuresOf } from './process-figures.ts';
import { startProcess } from './start-process.ts';

const SITES = 300;
const LEAST_CONNECTORS = 3000;
const SHARDS = 64;
const PARTNERS = 8;
const RATE_PER_S = 300;
/** Code that runs for the first time is not what is measured. */
const WARM_UP_STARTS = 300;
const WARM_UP_PER_S = 150;
/** So many that nobody waits for anybody: what the way itself takes. */
const CALM_PER_S = 50;
const CALM_SECONDS = 10;
/** What is asked for then. */
const STEPS_PER_S = [75, 100, 150];
const STEP_SECONDS = 4;
const AIM_P99_MS = 20;
/** In which what was asked for last is confirmed and told. */
const REST_MS = 2000;
const BEFORE_STARTS =
  WARM_UP_STARTS + CALM_PER_S * CALM_SECONDS + STEPS_PER_S.reduce((sum, perS) => sum + perS * STEP_SECONDS, 0);
const OUTCOMES_WITHIN_MS = 60_000;
/** Each start holds an amount on the account of its partner, as a live one does. */
const TERMS = {
  environment: 'sandbox',
  currency: DEMO_TARIFF.currency,
  kind: 'limit',
  limit_minor: 1_000_000_000,
  hold_per_start_minor: 5_000,
  low_marks_minor: [],
  reason: 'benchmark',
};

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Processor time that this machine has given to whoever, in ms. */
const busyMs = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

/**
 * Signed starts at a fixed rate over sites that take and confirm them: one process each of API, ingest and worker, PostgreSQL with fsync
 * and synchronous commits, Mosquitto, sites and callers, all on this machine. Each start holds an amount on one of a few accounts.
 *
 * @param seconds for how long
 * @throws Error when a start was refused, failed, or was not confirmed
 */
export async function measureStarts(seconds: number): Promise<Record<string, number>> {
  // Each is started once, and goes on charging.
  const perSite = Math.ceil(Math.max(LEAST_CONNECTORS, BEFORE_STARTS + RATE_PER_S * seconds) / SITES);
  const mosquitto = findMosquitto();
  if (mosquitto === null) throw new Error('this needs Mosquitto: apt-get install mosquitto');
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-api-'));
  const [broker, database] = await Promise.all([startMosquitto(mosquitto), startPostgres()]);
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  const stops: (() => Promise<unknown>)[] = [() => broker.stop(), () => database.stop(), () => db.end()];
  const cloudPart = async (role: string): Promise<Child<CloudReady>> => {
    const env = {
      PILEGATE_ROLE: role,
      PILEGATE_DATA_DIR: folder,
      PILEGATE_HTTP_PORT: '0',
      PILEGATE_LOG_LEVEL: 'error',
      PILEGATE_RATE_LIMITS: 'control=60000/10000',
      DATABASE_URL: `${database.url}?application_name=${role}`,
      BROKER_URL: broker.url,
    };
    const child = await startChild<CloudReady>({
      name: role,
      program: 'cloud/main.ts',
      env,
      args: [],
      logFile: join(folder, `${role}.log`),
    });
    stops.push(() => child.stop());
    return child;
  };
  try {
    const api = await cloudPart('api');
    const keys = await provide(db, new StaffClient(api.ready.httpUrl, folder), perSite);
    const ingest = await cloudPart('ingest');
    await cloudPart('worker');
    const program = (name: string) => join(import.meta.dirname, name);
    const counts = [SITES, perSite].map(String);
    const sites = await startProcess([program('api-sites.ts'), broker.url, ...counts], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    stops.push(() => sites.stop());
    const load = await startProcess([program('api-load.ts')], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    stops.push(() => load.stop());
    const ask = async (connectorIds: readonly string[], ratePerS: number): Promise<LoadSeen> => {
      load.child.send({ baseUrl: api.ready.httpUrl, keys, connectorIds, ratePerS } satisfies LoadTask);
      const [seen]: unknown[] = await once(load.child, 'message');
      return seen as LoadSeen;
    };
    // Neighbours are at different sites, as callers are.
    const all = Array.from({ length: perSite * SITES }, (_, i) => `bench-${i % SITES}-c${Math.floor(i / SITES)}`);
    let asked = 0;
    const askFor = async (starts: number, ratePerS: number): Promise<LoadSeen> => {
      const seen = await ask(all.slice(asked, asked + starts), ratePerS);
      asked += starts;
      if (Object.keys(seen.answers).some((answer) => answer !== '202'))
        throw new Error(`not all were accepted: ${JSON.stringify(seen.answers)}`);
      return seen;
    };
    const askRested = async (starts: number, ratePerS: number): Promise<LoadSeen> => {
      await pause(REST_MS);
      return askFor(starts, ratePerS);
    };
    await askFor(WARM_UP_STARTS, WARM_UP_PER_S);
    const calm = await askRested(CALM_PER_S * CALM_SECONDS, CALM_PER_S);
    const withinAimPerS = await mostWithinAim(calm, (perS) => askRested(perS * STEP_SECONDS, perS));
    await pause(REST_MS);
    const busyBeforeMs = busyMs();
    const before = [api.pid, ingest.pid].map(figuresOf);
    const startedAtMs = Date.now();
    const seen = await askFor(RATE_PER_S * seconds, RATE_PER_S);
    const after = [api.pid, ingest.pid].map(figuresOf);
    const machineMs = busyMs() - busyBeforeMs;
    const [apiCores = 0, ingestCores = 0] = after.map((now, i) => {
      const then = before[i] ?? now;
      return (now.cpuMs - then.cpuMs) / (now.atMs - then.atMs);
    });
    const confirmed = await confirmedMs(db, asked, startedAtMs);
    return {
      start_p50_ms: round(percentile(seen.latencyMs, 0.5), 1),
      start_p99_ms: round(percentile(seen.latencyMs, 0.99), 1),
      start_max_ms: round(Math.max(...seen.latencyMs), 0),
      accepted_per_s: round((seen.latencyMs.length * 1000) / seen.tookMs, 0),
      start_calm_p50_ms: round(percentile(calm.latencyMs, 0.5), 1),
      start_calm_p99_ms: round(percentile(calm.latencyMs, 0.99), 1),
      starts_within_aim_per_s: withinAimPerS,
      confirmed_p50_ms: percentile(confirmed, 0.5),
      confirmed_p99_ms: percentile(confirmed, 0.99),
      starts: seen.latencyMs.length,
      connectors: all.length,
      sent_late_ms_most: round(seen.latestSendMs, 1),
      api_core_fraction: round(apiCores),
      ingest_core_fraction: round(ingestCores),
      machine_core_fraction: round(machineMs / ((after[0]?.atMs ?? 0) - (before[0]?.atMs ?? 0))),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The highest of the rates at which 99 of 100 are answered within the aim; 0: none. What else the machine does in a moment spoils one rate, not those above. */
async function mostWithinAim(calm: LoadSeen, askFor: (perS: number) => Promise<LoadSeen>): Promise<number> {
  const isWithin = ({ latencyMs }: LoadSeen): boolean => percentile(latencyMs, 0.99) <= AIM_P99_MS;
  let withinPerS = isWithin(calm) ? CALM_PER_S : 0;
  for (const perS of STEPS_PER_S) if (isWithin(await askFor(perS))) withinPerS = perS;
  return withinPerS;
}

/** Sites with their connectors and a tariff, and partners. */
async function provide(db: pg.Pool, staff: StaffClient, perSite: number): Promise<PartnerKey[]> {
  await db.query(`insert into sites (site_id, name, environment, timezone, shard, created_at_ms, updated_at_ms)
    select 'bench-' || n, 'Bench ' || n, 'sandbox', 'Asia/Shanghai', n % ${SHARDS}, 0, 0 from generate_series(0, ${SITES - 1}) as n`);
  await db.query(`insert into connectors (connector_id, site_id, pile_id, model, max_power_w)
    select site_id || '-c' || n, site_id, site_id || '-c' || n || '-p', 'bench', 7000
    from sites, generate_series(0, ${perSite - 1}) as n`);
  const siteIds = Array.from({ length: SITES }, (_, n) => `bench-${n}`);
  await staff.publishTariff(siteIds, DEMO_TARIFF);
  await db.query('analyze');
  return await Promise.all(
    Array.from({ length: PARTNERS }, async (_, n) => {
      const key = await staff.createPartner(`bench-${n}`, `Bench ${n}`);
      await staff.call('POST', `/staff/v1/partners/bench-${n}/credit/terms`, TERMS);
      return key;
    }),
  );
}

/** How long the confirmations of the starts since then took to be stored, which the pile's own second is in. */
async function confirmedMs(db: pg.Pool, count: number, sinceMs: number): Promise<number[]> {
  const untilMs = performance.now() + OUTCOMES_WITHIN_MS;
  for (;;) {
    const found = await db.query(`select status, count(*)::int as n from operations group by status`);
    if (found.rows.every(({ status, n }) => status === 'succeeded' && n === count)) break;
    if (performance.now() > untilMs) throw new Error(`not all of ${count} succeeded: ${JSON.stringify(found.rows)}`);
    await pause(200);
  }
  const took = await db.query(
    'select (finished_at_ms - created_at_ms)::int as ms from operations where created_at_ms >= $1',
    [sinceMs],
  );
  return took.rows.map(({ ms }) => ms);
}
