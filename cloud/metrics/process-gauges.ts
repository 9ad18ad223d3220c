import { statfs } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { PoolFigures } from '../db/connect.ts';
import type { IngestStanding } from '../ingest/start-ingest.ts';
import type { SlowStatements } from './slow-statements.ts';

/** What a process can tell of itself when it is asked. */
export interface ProcessParts {
  readonly dataDir: string;
  /** Null: the database has no pool. */
  readonly pool: () => PoolFigures | null;
  readonly slow: SlowStatements | null;
  /** Null in a process without that role. */
  readonly broker: (() => Pick<IngestStanding, 'brokerProven' | 'shardsHeard'>) | null;
}

/** How often the event loop is looked at: what is shorter is not seen. */
const LOOK_MS = 10;
const NS_PER_S = 1e9;
const US_PER_S = 1e6;

/** Makes the gauges of the process itself. @returns what brings them up to date, and what ends the look at the event loop */
export function processGauges(
  registry: Registry,
  parts: ProcessParts,
): { refresh: () => Promise<void>; close: () => void } {
  const registers = [registry];
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of this process.',
    labelNames: ['mode'],
    registers,
  });
  const memory = new Gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory.', registers });
  const heap = new Gauge({ name: 'pilegate_heap_used_bytes', help: 'Memory that the program holds.', registers });
  const started = new Gauge({ name: 'process_start_time_seconds', help: 'When the process began.', registers });
  const late = new Gauge({
    name: 'pilegate_event_loop_delay_seconds',
    help: 'How late the event loop was since the last scrape.',
    labelNames: ['quantile'],
    registers,
  });
  const disk = new Gauge({ name: 'pilegate_disk_free_bytes', help: 'Free where the data folder is.', registers });
  const slow = new Counter({
    name: 'pilegate_database_slow_statements_total',
    help: 'Statements that took longer than PILEGATE_SLOW_STATEMENT_MS.',
    registers,
  });
  const slowTime = new Counter({
    name: 'pilegate_database_slow_statement_seconds_total',
    help: 'Time that these statements took together.',
    registers,
  });
  const pool = new Gauge({
    name: 'pilegate_database_connections',
    help: 'Connections of this process by use; waiting: who has none yet. Absent with the embedded database.',
    labelNames: ['use'],
    registers,
  });
  const tellBroker = parts.broker === null ? () => {} : brokerGauges(registers, parts.broker);

  async function refresh(): Promise<void> {
    const { user, system } = process.cpuUsage();
    cpu.reset();
    cpu.inc({ mode: 'user' }, user / US_PER_S);
    cpu.inc({ mode: 'system' }, system / US_PER_S);
    const { rss, heapUsed } = process.memoryUsage();
    memory.set(rss);
    heap.set(heapUsed);
    started.set(Math.round(performance.timeOrigin / 1000));
    const beyond = (ns: number): number => Math.max(0, ns / NS_PER_S - LOOK_MS / 1000);
    late.set({ quantile: '0.5' }, beyond(delay.percentile(50)));
    late.set({ quantile: '0.99' }, beyond(delay.percentile(99)));
    late.set({ quantile: '1' }, delay.count === 0 ? 0 : beyond(delay.max));
    delay.reset();
    slow.reset();
    slow.inc(parts.slow?.count ?? 0);
    slowTime.reset();
    slowTime.inc((parts.slow?.totalMs ?? 0) / 1000);
    const connections = parts.pool();
    if (connections !== null) {
      pool.set({ use: 'in_use' }, connections.total - connections.idle);
      pool.set({ use: 'idle' }, connections.idle);
      pool.set({ use: 'waiting' }, connections.waiting);
    }
    tellBroker();
    const room = await statfs(parts.dataDir).catch(() => null);
    if (room === null) disk.remove();
    else disk.set(room.bavail * room.bsize);
  }
  return { refresh, close: () => delay.disable() };
}

/** Only a process with the role of ingest has them. */
function brokerGauges(registers: Registry[], look: NonNullable<ProcessParts['broker']>): () => void {
  const up = new Gauge({
    name: 'pilegate_broker_link_up',
    help: '1 when a probe has gone through the broker and come back.',
    registers,
  });
  const heard = new Gauge({ name: 'pilegate_shards_heard', help: 'Topic shards that this process hears.', registers });
  return () => {
    const { brokerProven, shardsHeard } = look();
    up.set(brokerProven ? 1 : 0);
    heard.set(shardsHeard);
  };
}
