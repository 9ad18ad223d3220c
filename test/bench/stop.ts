import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { silenceMsAt } from '../../edge/bus/serial-time.ts';
import { fillBacklog } from './backlog.ts';
import { benchRules } from './bench-rules.ts';
import { type BenchSite, openBenchSite, pause, startAll } from './bench-site.ts';
import { median, percentile, round } from './measure.ts';
import { buildStallingDisk } from './stalling-disk.ts';

const BAUD = 19_200;
const settings = { lines: 4, boxesPerLine: 8, baud: BAUD, turnaroundMs: 5 } as const;
const PAIRS = 8;
const BACKLOG_RECORDS = 100_000;
/** The boxes of a round become too hot one after another within this time. */
const SPREAD_MS = 3000;
const STOPS_WITHIN_MS = 20_000;
/** After the disk has recovered, what waited for it is written before anything starts. */
const START_WITHIN_MS = 120_000;
/**
 * How often this process, which has next to nothing to do, looks how late it is: what it finds is the machine's doing. Where
 * that is milliseconds, so are the figures beside it.
 */
const MACHINE_LOOK_MS = 2;
const NS_PER_MS = 1e6;
const SCRAPE_EVERY_MS = 100;
/** The profile asks for no gap, so the silence is all that the line itself demands. */
const DEMANDED_MS = silenceMsAt(BAUD);

/** How long every stop of one round took beyond what the line demands, in ms. */
type Round = readonly number[];

/** Starts a charge on every box, lets each become too hot once, and times the stops at the line's end. */
async function stopEveryBox(site: BenchSite, during: { begin(): void; end(): void }): Promise<Round> {
  await startAll(site, START_WITHIN_MS);
  const tookMs: number[] = [];
  const unsubscribe = site.onStop((seen) => tookMs.push(seen.tookMs - DEMANDED_MS));
  during.begin();
  for (const connector of site.connectors) setTimeout(() => site.arm(connector), Math.random() * SPREAD_MS);
  const deadlineMs = performance.now() + STOPS_WITHIN_MS;
  while (tookMs.length < site.connectors.length) {
    if (performance.now() > deadlineMs) throw new Error(`only ${tookMs.length} stops`);
    await pause(50);
  }
  during.end();
  unsubscribe();
  const [p50, p99] = [percentile(tookMs, 0.5), percentile(tookMs, 0.99)].map((ms) => ms.toFixed(2));
  process.stdout.write(`    ${tookMs.length} stops  p50 ${p50} ms  p99 ${p99} ms\n`);
  if (Math.min(...tookMs) < 0) throw new Error('a stop came before the silence was over');
  return tookMs;
}

const undisturbed = { begin: () => {}, end: () => {} };
const p99 = (round: Round): number => percentile(round, 0.99);

/** Rounds with a healthy disk and rounds with one that stalls, in turn, on one edge with a backlog. */
async function measureStalls(pairs: number): Promise<{ plain: Round[]; stalled: Round[] }> {
  const disk = buildStallingDisk();
  const site = await openBenchSite({
    ...settings,
    env: disk.env,
    prepare: (dataDir) => fillBacklog(dataDir, BACKLOG_RECORDS),
  });
  // The backlog is taken while the disk stalls, and kept for that.
  site.cloud.takeRecords(false);
  const stalling = {
    begin() {
      site.cloud.takeRecords(true);
      disk.on();
    },
    end() {
      site.cloud.takeRecords(false);
      if (disk.off() === 0) throw new Error('the disk has not held anything back');
    },
  };
  const plain: Round[] = [];
  const stalled: Round[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    process.stdout.write(`  pair ${pair + 1}: the disk is well, then stalls\n`);
    plain.push(await stopEveryBox(site, undisturbed));
    stalled.push(await stopEveryBox(site, stalling));
  }
  process.stdout.write(`  ${site.cloud.recordsTaken} records of the backlog went out meanwhile\n`);
  await site.close();
  disk.remove();
  return { plain, stalled };
}

/** Rounds on an edge that looks at fifty rules with every reading. */
async function measureRules(rounds: number): Promise<Round[]> {
  const site = await openBenchSite({
    ...settings,
    extra(folder) {
      const rules = join(folder, 'rules.json');
      writeFileSync(rules, benchRules());
      return { rules };
    },
  });
  process.stdout.write('  with fifty rules\n');
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round += 1) measured.push(await stopEveryBox(site, undisturbed));
  await site.close();
  return measured;
}

/** Rounds on an edge that is scraped a hundred times as often as it ever is. */
async function measureScrapes(rounds: number): Promise<Round[]> {
  const metricsPort = await freePort();
  const site = await openBenchSite({ ...settings, metricsPort });
  const url = `http://127.0.0.1:${metricsPort}/metrics`;
  process.stdout.write('  scraped ten times a second\n');
  const measured: Round[] = [];
  let scrapes = 0;
  const scrape = async () => {
    const { ok } = await fetch(url);
    if (!ok) throw new Error('a scrape has failed');
    scrapes += 1;
  };
  for (let round = 0; round < rounds; round += 1) {
    let timer: NodeJS.Timeout | undefined;
    const begin = () => {
      timer = setInterval(() => void scrape(), SCRAPE_EVERY_MS);
    };
    measured.push(await stopEveryBox(site, { begin, end: () => clearInterval(timer) }));
  }
  await site.close();
  process.stdout.write(`  ${scrapes} scrapes were answered meanwhile\n`);
  if (scrapes < rounds * 10) throw new Error(`only ${scrapes} scrapes were answered`);
  return measured;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * How long the software takes for a stop, beyond the silence that the line demands: from the last byte of the reply that
 * tells of the fault to the first byte of the stop's frame, at the line's end. 32 boxes on four lines of 19200 baud, each
 * with a running charge, polled once a second.
 *
 * @param pairs of rounds, one with a healthy disk and one with a disk that stalls; 32 stops in each round
 */
export async function stop(pairs = PAIRS): Promise<Record<string, number | null>> {
  const machine = monitorEventLoopDelay({ resolution: MACHINE_LOOK_MS });
  machine.enable();
  const { plain, stalled } = await measureStalls(pairs);
  const ruled = await measureRules(Math.ceil(pairs / 2));
  const scraped = await measureScrapes(Math.ceil(pairs / 2));
  const differences = plain.map((round, i) => p99(stalled[i] ?? []) - p99(round));
  return {
    stop_p50_ms: round(percentile(plain.flat(), 0.5)),
    stop_p99_ms: round(percentile(plain.flat(), 0.99)),
    stop_p99_stall_ms: round(median(differences)),
    stop_p99_stalled_ms: round(percentile(stalled.flat(), 0.99)),
    stop_p99_rules_ms: round(percentile(ruled.flat(), 0.99)),
    stop_p50_scraped_ms: round(percentile(scraped.flat(), 0.5)),
    stop_p99_scraped_ms: round(percentile(scraped.flat(), 0.99)),
    machine_late_p99_ms: round(machine.percentile(99) / NS_PER_MS - MACHINE_LOOK_MS),
    stops: plain.flat().length,
    stops_stalled: stalled.flat().length,
    stops_rules: ruled.flat().length,
    stops_scraped: scraped.flat().length,
  };
}
