import type pg from 'pg';
import type { IngestSite } from './ingest-site.ts';
import { percentile, round } from './measure.ts';
import { figuresOf } from './process-figures.ts';
import { slopePercent, type TimedValue } from './slope.ts';

/** Records of all sites together. */
const RECORDS_PER_S = 1_000;
const BATCH_RECORDS = 10;
const LOOK_EVERY_MS = 1_000;
/** What is left when its garbage is collected is what the process needs: the rest goes up and down by more than any leak. */
const COLLECT_EVERY_MS = 20_000;
const SITES_EVERY_MS = 10_000;
/** After so long without a word the cloud takes a site for gone. */
const OFFLINE_AFTER_MS = 15_000;
/** Less says nothing of the slope. */
const SLOPE_FROM_S = 150;
const MOST_SLOPE_PERCENT = 1;

/** What all sites were held for. */
export interface Held {
  readonly held_s: number;
  readonly held_records_per_s: number;
  readonly held_ack_p99_ms: number | null;
  readonly held_core_fraction: number;
  /** The most, and what is needed at the end. */
  readonly rss_mb: number;
  readonly rss_needed_mb: number;
  /** Null: it was too short for that. */
  readonly rss_slope_percent: number | null;
  /** The fewest sites that the cloud took for present, at any time. */
  readonly sites: number;
  /** Whose connection broke. */
  readonly sites_lost: number;
}

export interface HeldProcess {
  readonly pid: number;
  /** Collects its garbage. */
  collect(): Promise<void>;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * All sites say that they live, and each tells something now and then.
 *
 * @param ingest the one process that takes it all in
 * @param forS in seconds, after a warm-up of up to four minutes
 */
export async function hold(
  sites: readonly IngestSite[],
  db: pg.Pool,
  ingest: HeldProcess,
  forS: number,
): Promise<Held> {
  const { pid } = ingest;
  const pauseMs = (sites.length * BATCH_RECORDS * 1000) / RECORDS_PER_S;
  for (const [i, site] of sites.entries()) {
    site.ackMs.length = 0;
    site.live((i / sites.length) * 2_000);
    setTimeout(() => site.tell(BATCH_RECORDS, pauseMs), (i / sites.length) * pauseMs);
  }
  // Everything that is made once is made by then: code that is compiled when it has run often, plans and buffers of each connection.
  await pause(Math.min(forS / 2.5, 240) * 1000);
  const before = figuresOf(pid);
  const ackedBefore = acked(sites);
  const rss: TimedValue[] = [];
  let fewest = sites.length;
  let [sitesAtMs, collectAtMs, mostMb] = [before.atMs, before.atMs, 0];
  for (let nowMs = before.atMs; nowMs < before.atMs + forS * 1000; nowMs = performance.now()) {
    mostMb = Math.max(mostMb, figuresOf(pid).rssMb);
    if (nowMs >= sitesAtMs) {
      fewest = Math.min(fewest, await presentCount(db));
      sitesAtMs += SITES_EVERY_MS;
    }
    if (nowMs >= collectAtMs) {
      await ingest.collect();
      const { atMs, rssMb } = figuresOf(pid);
      rss.push({ atMs, value: rssMb });
      const heldS = Math.round((atMs - before.atMs) / 1000);
      process.stdout.write(`    held for ${heldS} s: ${Math.round(rssMb)} MB needed, ${fewest} sites at least\n`);
      collectAtMs += COLLECT_EVERY_MS;
    }
    await pause(LOOK_EVERY_MS);
  }
  const after = figuresOf(pid);
  const heldMs = after.atMs - before.atMs;
  const ackMs = sites.flatMap((site) => site.ackMs);
  return {
    held_s: Math.round(heldMs / 1000),
    held_records_per_s: Math.round(((acked(sites) - ackedBefore) * 1000) / heldMs),
    held_ack_p99_ms: ackMs.length === 0 ? null : round(percentile(ackMs, 0.99), 0),
    held_core_fraction: round((after.cpuMs - before.cpuMs) / heldMs),
    rss_mb: round(mostMb, 0),
    rss_needed_mb: round(rss.at(-1)?.value ?? Number.NaN, 0),
    rss_slope_percent: forS < SLOPE_FROM_S ? null : round(slopePercent(rss)),
    sites: Math.min(fewest, await presentCount(db)),
    sites_lost: sites.filter(({ breaks }) => breaks > 0).length,
  };
}

/** What was not as it is to be. */
export function shortcomings(held: Held, siteCount: number): string[] {
  const { rss_slope_percent: slope, sites, sites_lost: lost } = held;
  return [
    ...(slope !== null && slope >= MOST_SLOPE_PERCENT ? [`the memory of ingest grew by ${slope} %`] : []),
    ...(sites < siteCount ? [`only ${sites} of ${siteCount} sites were present all the time`] : []),
    ...(lost > 0 ? [`${lost} connections broke`] : []),
  ];
}

const acked = (sites: readonly IngestSite[]): number => sites.reduce((sum, site) => sum + site.acked, 0);

/** As the cloud sees it. */
async function presentCount(db: pg.Pool): Promise<number> {
  const since = Date.now() - OFFLINE_AFTER_MS;
  const text = `select count(*) as n from site_links where online and heard_at_ms >= $1`;
  return Number((await db.query<{ n: string }>(text, [since])).rows[0]?.n);
}
