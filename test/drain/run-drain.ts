import { randomUUID } from 'node:crypto';
import { pause } from '../bench/bench-site.ts';
import { figuresOf } from '../bench/process-figures.ts';
import type { DrainSite } from './drain-site.ts';

const LOOK_EVERY_MS = 50;
const DRAINED_WITHIN_MS = 600_000;
const LIVE_WITHIN_MS = 60_000;

export interface Drained {
  readonly eventsDrainedMs: number;
  readonly drainedMs: number;
  /** Of the backlog, behind its first batch, which waits for the moment of the site. */
  readonly eventsPerS: number;
  /** From a partner's request to the moment at which the connector is shown as charging, while the backlog goes up and after. */
  readonly startsMeanwhileMs: readonly number[];
  readonly startsAfterMs: readonly number[];
  /** The longest time between two live views that arrived while the backlog went up. */
  readonly longestSilenceMs: number;
  readonly edgePeakRssMb: number;
  readonly cloudPeakRssMb: number;
}

/** Lets the edge come back, starts charges while its backlog goes up, and again when it is gone. */
export async function runDrain(site: DrainSite): Promise<Drained> {
  const { db, backlog } = site;
  const edge = await site.startEdge();
  const fromMs = performance.now();
  await isLive(site);
  const watch = watchLink(site);
  const free = [...site.connectorIds];
  const startsMeanwhileMs: number[] = [];
  let [eventsDrainedMs, drainedMs] = [Number.NaN, Number.NaN];
  const steps: { atMs: number; events: number }[] = [];
  const isDrained = (async () => {
    while (Number.isNaN(drainedMs)) {
      const { rows } = await db.query<{ stream: string; acked: string }>(
        `select stream, max(acked_seq)::text as acked from cursors group by stream`,
      );
      const acked = (stream: string) => Number(rows.find((row) => row.stream === stream)?.acked ?? 0);
      const nowMs = performance.now() - fromMs;
      const events = acked('events');
      if (events > (steps.at(-1)?.events ?? 0) && Number.isNaN(eventsDrainedMs)) steps.push({ atMs: nowMs, events });
      const areEventsThere = events >= backlog.events;
      if (Number.isNaN(eventsDrainedMs) && areEventsThere) eventsDrainedMs = nowMs;
      if (areEventsThere && acked('samples') >= backlog.samples) drainedMs = nowMs;
      if (nowMs > DRAINED_WITHIN_MS) throw new Error(`not drained: ${JSON.stringify(rows)}`);
      await pause(LOOK_EVERY_MS);
    }
  })();
  // Until it is drained, and once at least.
  do startsMeanwhileMs.push(await startOne(site, free));
  while (Number.isNaN(drainedMs) && free.length > 5);
  await isDrained;
  const longestSilenceMs = await watch.end();
  const startsAfterMs: number[] = [];
  for (let n = 0; n < 3; n += 1) startsAfterMs.push(await startOne(site, free));
  return {
    eventsDrainedMs,
    drainedMs,
    eventsPerS: eventsPerS(steps),
    startsMeanwhileMs,
    startsAfterMs,
    longestSilenceMs,
    edgePeakRssMb: figuresOf(edge.pid).peakRssMb,
    cloudPeakRssMb: figuresOf(site.cloudPid).peakRssMb,
  };
}

/** The first batch goes at once, the second when its moment has come. */
function eventsPerS(steps: readonly { readonly atMs: number; readonly events: number }[]): number {
  const [from, to] = [steps[1], steps.at(-1)];
  return from === undefined || to === undefined
    ? Number.NaN
    : ((to.events - from.events) * 1000) / (to.atMs - from.atMs);
}

/** The first connectors are shown: the edge is there. */
async function isLive({ partner, connectorIds }: DrainSite): Promise<void> {
  await untilStatus(partner, connectorIds[0] ?? '', 'plugged');
}

async function startOne({ partner }: DrainSite, free: string[]): Promise<number> {
  const connectorId = free.shift();
  if (connectorId === undefined) throw new Error('no connector is left');
  await untilStatus(partner, connectorId, 'plugged');
  const fromMs = performance.now();
  for (;;) {
    const order = { request_id: randomUUID(), connector_id: connectorId };
    const { status, body } = await partner.post('/v1/operations/start', order);
    if (status === 202) break;
    if (performance.now() - fromMs > LIVE_WITHIN_MS) throw new Error(`start is refused: ${JSON.stringify(body)}`);
    await pause(LOOK_EVERY_MS);
  }
  await untilStatus(partner, connectorId, 'charging');
  return performance.now() - fromMs;
}

async function untilStatus(partner: DrainSite['partner'], connectorId: string, status: string): Promise<void> {
  const fromMs = performance.now();
  for (;;) {
    const { body } = await partner.get(`/v1/connectors/${connectorId}`);
    if (body.status === status) return;
    if (performance.now() - fromMs > LIVE_WITHIN_MS) throw new Error(`${connectorId} is ${body.status}, not ${status}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** Looks all the time when the site was heard last. */
function watchLink({ db }: DrainSite): { end(): Promise<number> } {
  let [isEnded, longestMs, heardAtMs] = [false, 0, 0];
  const watching = (async () => {
    while (!isEnded) {
      const { rows } = await db.query<{ heard: string | null }>(
        `select max(heard_at_ms)::text as heard from site_links`,
      );
      const nowMs = Number(rows[0]?.heard ?? 0);
      if (heardAtMs > 0) longestMs = Math.max(longestMs, nowMs - heardAtMs);
      heardAtMs = nowMs;
      await pause(LOOK_EVERY_MS);
    }
  })();
  return {
    async end() {
      isEnded = true;
      await watching;
      return longestMs;
    },
  };
}
