import { type BenchSite, openBenchSite, pause, startAll, until } from './bench-site.ts';
import { round } from './measure.ts';
import { figuresOf, type ProcessFigures } from './process-figures.ts';

const LINES = 8;
const BOXES_PER_LINE = 8;
const FULL_CHARGING_S = 420;
/** A running charge is stored once a minute: what is written in time is told by whole minutes. */
const MINUTE_S = 60;
/** Code is compiled, and memory finds its size. */
const WARM_UP_MS = 10_000;
/** How long nobody charges before, and charges begin and end as fast as they can after, as a share of the charging. */
const SHARE_OTHER = 0.2;
const CHARGES_PER_DAY = 20;
const DAY_S = 86_400;
const BYTES_PER_MB = 1_000_000;

/** What the edge's process did in a stretch of time. */
interface Stretch {
  readonly s: number;
  readonly cpuMs: number;
  readonly writtenBytes: number;
  readonly end: ProcessFigures;
}

async function stretch(site: BenchSite, work: () => Promise<void>): Promise<Stretch> {
  const from = figuresOf(site.edgePid);
  await work();
  const end = figuresOf(site.edgePid);
  return {
    s: (end.atMs - from.atMs) / 1000,
    cpuMs: end.cpuMs - from.cpuMs,
    writtenBytes: end.writtenBytes - from.writtenBytes,
    end,
  };
}

/** Ends every charge by command and waits until the connectors are free. */
async function stopAll({ cloud, connectors }: BenchSite): Promise<void> {
  for (const { connectorId } of connectors) cloud.stop(connectorId);
  await until('every connector is free', 60_000, () => cloud.count('plugged') === connectors.length);
}

/**
 * The edge alone, 64 boxes on eight lines of 115200 baud polled once a second: processor, memory, and bytes written.
 *
 * What is written is told apart by what it is for: bytes of time with a charge running on every box, and bytes of a charge's
 * beginning and end, from a stretch in which charges follow each other without a pause. A day is all of its seconds with a
 * charge running, the dearer case, and twenty charges.
 *
 * @param chargingS for how long every box charges, rounded up to whole minutes; two fifths of it are for the rest
 */
export async function edge(chargingS = FULL_CHARGING_S): Promise<Record<string, number | null>> {
  const site = await openBenchSite({
    lines: LINES,
    boxesPerLine: BOXES_PER_LINE,
    baud: 115_200,
    turnaroundMs: 5,
    isWarm: true,
  });
  const minutesMs = Math.ceil(chargingS / MINUTE_S) * MINUTE_S * 1000;
  const boxes = site.connectors.length;
  await until('every box answers', 60_000, () => site.cloud.count('plugged') === boxes);
  await pause(WARM_UP_MS);
  const idle = await stretch(site, () => pause(minutesMs * SHARE_OTHER));
  await startAll(site);
  const charging = await stretch(site, () => pause(minutesMs));
  let charges = 0;
  const turnover = await stretch(site, async () => {
    const untilMs = performance.now() + minutesMs * SHARE_OTHER;
    do {
      await stopAll(site);
      await startAll(site);
      charges += boxes;
    } while (performance.now() < untilMs);
  });
  await stopAll(site);
  await site.close();
  if (turnover.writtenBytes === 0) throw new Error('nothing was written to a disk: set TMPDIR to a folder on one');
  return figures(boxes, { idle, charging, turnover, charges });
}

function figures(
  boxes: number,
  { idle, charging, turnover, charges }: { idle: Stretch; charging: Stretch; turnover: Stretch; charges: number },
): Record<string, number> {
  const bytesPerBoxS = charging.writtenBytes / charging.s / boxes;
  const bytesPerCharge = turnover.writtenBytes / charges - (bytesPerBoxS * turnover.s * boxes) / charges;
  const bytesPerBoxDay = DAY_S * bytesPerBoxS + CHARGES_PER_DAY * bytesPerCharge;
  return {
    cpu_core_fraction: round(charging.cpuMs / 1000 / charging.s, 4),
    cpu_core_fraction_idle: round(idle.cpuMs / 1000 / idle.s, 4),
    rss_mb: round(charging.end.rssMb, 1),
    rss_peak_mb: round(turnover.end.peakRssMb, 1),
    written_mb_per_pile_day: round(bytesPerBoxDay / BYTES_PER_MB),
    written_bytes_per_charge: Math.round(bytesPerCharge),
    written_bytes_per_pile_s: round(bytesPerBoxS, 1),
    written_bytes_per_pile_s_idle: round(idle.writtenBytes / idle.s / boxes, 1),
    charges_per_pile_hour: round((charges / boxes / turnover.s) * 3600, 1),
    run_s: round(idle.s + charging.s + turnover.s, 1),
  };
}
