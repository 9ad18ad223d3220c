import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchCloud, openBenchCloud } from './bench-cloud.ts';
import type { StopSeen, ToBoxLines } from './box-lines.ts';
import { startProcess } from './start-process.ts';

export const EDGE = join(import.meta.dirname, '../../edge/main.ts');
export const BOX_LINES = join(import.meta.dirname, 'box-lines.ts');
export const PROFILES = join(import.meta.dirname, 'profiles');
const SITE_ID = 'bench';
const SHARD = 0;

export interface BenchSiteSettings {
  readonly lines: number;
  readonly boxesPerLine: number;
  readonly baud: 9600 | 19_200 | 115_200;
  readonly turnaroundMs: number;
  /** What the edge's process has in its environment beside ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** Keys of the site's file beside the usual ones. */
  readonly extra?: (folder: string) => Readonly<Record<string, unknown>>;
  /** Where the edge tells its metrics; nowhere unless it is said. */
  readonly metricsPort?: number;
  /** Called before the edge opens its data folder. */
  readonly prepare?: (dataDir: string) => void;
  /** Starts the edge twice: the second start finds its code in the cache, as every start on a box but the first does. */
  readonly isWarm?: boolean;
}

/** A box of the site by its place, and by the connector's name. */
export interface BenchConnector {
  readonly line: number;
  readonly unit: number;
  readonly connectorId: string;
}

/** A real edge in a process of its own, boxes on real pseudo-terminals in another, broker and cloud in this one. */
export interface BenchSite {
  readonly cloud: BenchCloud;
  readonly connectors: readonly BenchConnector[];
  readonly edgePid: number;
  readonly dataDir: string;
  arm(connector: BenchConnector): void;
  /** @returns how to listen no more */
  onStop(listener: (seen: StopSeen) => void): () => void;
  close(): Promise<void>;
}

export async function openBenchSite(settings: BenchSiteSettings): Promise<BenchSite> {
  const { lines, boxesPerLine, baud, turnaroundMs, env = {}, extra = () => ({}), prepare, isWarm } = settings;
  const metrics = settings.metricsPort === undefined ? [] : ['--metrics', String(settings.metricsPort)];
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-'));
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  prepare?.(dataDir);
  const boxes = await startProcess([BOX_LINES, ...[lines, boxesPerLine, baud, turnaroundMs].map(String)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const cloud = await openBenchCloud(SHARD, SITE_ID);
  const brokerUrl = await cloud.listen();
  const connectors = Array.from({ length: lines * boxesPerLine }, (_, i) => {
    const line = Math.floor(i / boxesPerLine);
    const unit = 1 + (i % boxesPerLine);
    return { line, unit, connectorId: `B${line + 1}-${unit}` };
  });
  const site = {
    siteId: SITE_ID,
    dataDir,
    supplyLimitMa: 2_000_000,
    cloud: { brokerUrl, shard: SHARD },
    lines: (boxes.ready as string[]).map((path, i) => ({
      lineId: `L${i + 1}`,
      transport: 'serial',
      path,
      baud,
      parity: 'even',
      stopBits: 1,
    })),
    piles: connectors.map(({ line, unit, connectorId }) => ({
      pileId: connectorId,
      connectorId,
      profile: 'bench-box',
      lineId: `L${line + 1}`,
      unit,
      limitMa: 16_000,
    })),
    ...extra(folder),
  };
  const siteFile = join(folder, 'site.json');
  writeFileSync(siteFile, JSON.stringify(site));
  const log = openSync(join(folder, 'edge.log'), 'a');
  const startEdge = () =>
    startProcess([...edgeOptions(), EDGE, '--site', siteFile, '--profiles', PROFILES, ...metrics], {
      stdio: ['ignore', 'pipe', log],
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'code'), MALLOC_ARENA_MAX: '2', ...env },
    });
  if (isWarm === true) await startEdge().then((first) => first.stop());
  const edge = await startEdge();
  return {
    cloud,
    connectors,
    edgePid: edge.child.pid ?? 0,
    dataDir,
    arm: ({ line, unit }) => void boxes.child.send({ kind: 'arm', line, unit } satisfies ToBoxLines),
    onStop(listener) {
      const onMessage = (seen: unknown) => listener(seen as StopSeen);
      boxes.child.on('message', onMessage);
      return () => void boxes.child.off('message', onMessage);
    },
    async close() {
      await edge.stop();
      await boxes.stop();
      await cloud.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `BENCH_EDGE_NODE_OPTIONS`, such as --cpu-prof, goes to the edge's process only. */
const edgeOptions = (): string[] =>
  (process.env.BENCH_EDGE_NODE_OPTIONS ?? '').split(' ').filter((option) => option !== '');

/** Waits until it holds. @throws when it does not within the time */
export async function until(what: string, withinMs: number, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(50);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const START_AGAIN_MS = 5000;

/**
 * Starts a charge on every connector and waits until all of them deliver. A start that is refused, for one because nobody
 * has told the edge the time yet, is sent again.
 */
export async function startAll({ cloud, connectors }: BenchSite, withinMs = 60_000): Promise<void> {
  await until('every connector is free', withinMs, () => cloud.count('plugged') === connectors.length);
  let startedMs = Number.NEGATIVE_INFINITY;
  await until('every connector charges', withinMs, () => {
    if (performance.now() - startedMs >= START_AGAIN_MS) {
      startedMs = performance.now();
      for (const { connectorId } of connectors) if (cloud.statusOf(connectorId) === 'plugged') cloud.start(connectorId);
    }
    return cloud.count('charging') === connectors.length;
  });
}
