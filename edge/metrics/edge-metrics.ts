import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ClockQuality } from '#shared/stamp.ts';
import type { StorageHealth } from '../ledger/storage-health.ts';
import type { SyncView } from '../runtime/thread-messages.ts';
import type { FieldFigures, LoopDelay } from './field-figures.ts';

/** What the ledger thread knows when it is asked. */
export interface LedgerLook {
  /** Null while the store cannot be read. */
  readonly sync: Pick<SyncView, 'link' | 'backlog'> | null;
  readonly storage: StorageHealth;
  readonly clock: ClockQuality;
  readonly outbox: { readonly oldestAgeMs: number | null; readonly bytes: number } | null;
  readonly samplesLost: number;
  /** Turns of every connector's loop: the time between two of them is its cycle. */
  readonly turns: readonly { readonly name: string; readonly turns: number }[];
  readonly delay: LoopDelay;
}

export interface EdgeMetrics {
  committed(tookMs: number): void;
  field(figures: FieldFigures): void;
  /** The exposition, and its content type. */
  tell(look: LedgerLook): Promise<{ readonly text: string; readonly contentType: string }>;
}

const COMMIT_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];
const STOP_BUCKETS_S = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 600];
const US_PER_S = 1e6;
const LEVELS = ['ample', 'low', 'scarce', 'critical'] as const;
const QUALITIES = ['trusted', 'doubtful', 'none'] as const;

/** What an edge tells Prometheus. Its labels are the lines and connectors of the site, and a few words. */
export function createEdgeMetrics(): EdgeMetrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `pilegate_edge_${name}`, help, labelNames, registers });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `pilegate_edge_${name}`, help, labelNames, registers });
  const lineUp = gauge('line_open', '1 when the port or the connection is there.', ['line']);
  const exchanges = counter('line_exchanges_total', 'Questions on a line, by what became of them.', [
    'line',
    'outcome',
  ]);
  const busy = counter('line_busy_seconds_total', 'Time that questions kept the line.', ['line']);
  const turns = counter('loop_turns_total', 'Turns of the loop of a connector; 1 / rate() is its cycle.', ['loop']);
  const connectors = gauge('connectors', 'Connectors by status.', ['status']);
  const denied = counter('permits_denied_total', 'Watchdogs that were due and not fed: nothing had just been decided.');
  const stops = new Histogram({
    name: 'pilegate_edge_stop_duration_seconds',
    help: 'From the beginning of a stop until the pile is read to be off, by the rung that did it.',
    labelNames: ['rung'],
    buckets: STOP_BUCKETS_S,
    registers,
  });
  const commits = new Histogram({
    name: 'pilegate_edge_ledger_commit_duration_seconds',
    help: 'Time that a transaction took until it was on disk.',
    buckets: COMMIT_BUCKETS_S,
    registers,
  });
  const backlog = gauge('outbox_records', 'Records that the cloud has not acknowledged.');
  const oldest = gauge('outbox_oldest_seconds', 'Age of the oldest of them; 0: there is none.');
  const bytes = gauge('outbox_bytes', 'What they take, as far as the last hundred tell.');
  const link = gauge('link_up', '1 when the cloud has welcomed this edge.');
  const free = gauge('disk_free_bytes', 'Free where the data folder is.');
  const ledger = gauge('ledger_bytes', 'What the ledger uses of its room.');
  const level = gauge('storage_level', '1 at the level of the storage.', ['level']);
  const mayCharge = gauge('may_charge', '1 when the storage lets charges begin.');
  const lost = counter('samples_dropped_total', 'Samples that were not taken or not stored.');
  const clock = gauge('clock_quality', '1 at what the clock is worth.', ['quality']);
  const late = gauge('event_loop_delay_seconds', 'How late an event loop was since it told last.', [
    'thread',
    'quantile',
  ]);
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of this process.',
    labelNames: ['mode'],
    registers,
  });
  const memory = new Gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory.', registers });
  const started = new Gauge({ name: 'process_start_time_seconds', help: 'When the process began.', registers });

  const tellDelay = (thread: string, { p50S, p99S, maxS }: LoopDelay): void => {
    for (const [quantile, value] of [['0.5', p50S] as const, ['0.99', p99S] as const, ['1', maxS] as const])
      late.set({ thread, quantile }, value);
  };
  return {
    committed: (tookMs) => commits.observe(tookMs / 1000),
    field(figures) {
      exchanges.reset();
      busy.reset();
      connectors.reset();
      for (const { lineId: line, isOpen, counters } of figures.lines) {
        lineUp.set({ line }, isOpen ? 1 : 0);
        exchanges.inc({ line, outcome: 'answered' }, counters.answers);
        exchanges.inc({ line, outcome: 'timeout' }, counters.timeouts);
        exchanges.inc({ line, outcome: 'crc_error' }, counters.crcErrors);
        exchanges.inc({ line, outcome: 'mismatch' }, counters.mismatches);
        exchanges.inc({ line, outcome: 'exception' }, counters.exceptions);
        busy.inc({ line }, counters.busyMs / 1000);
      }
      for (const [status, count] of Object.entries(figures.connectors)) connectors.set({ status }, count);
      denied.reset();
      denied.inc(figures.permitsDenied);
      for (const { rung, tookMs } of figures.stops) stops.observe({ rung }, tookMs / 1000);
      tellDelay('field', figures.delay);
    },
    async tell(look) {
      setOrLeaveOut(backlog, look.sync?.backlog);
      setOrLeaveOut(oldest, look.outbox === null ? undefined : (look.outbox.oldestAgeMs ?? 0) / 1000);
      setOrLeaveOut(bytes, look.outbox?.bytes);
      link.set(look.sync?.link === 'open' ? 1 : 0);
      free.set(look.storage.freeBytes);
      ledger.set(look.storage.ledgerBytes);
      for (const one of LEVELS) level.set({ level: one }, look.storage.level === one ? 1 : 0);
      mayCharge.set(look.storage.mayCharge ? 1 : 0);
      lost.reset();
      lost.inc(look.samplesLost);
      for (const one of QUALITIES) clock.set({ quality: one }, look.clock === one ? 1 : 0);
      turns.reset();
      for (const { name, turns: count } of look.turns) turns.inc({ loop: name }, count);
      tellDelay('ledger', look.delay);
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc({ mode: 'user' }, user / US_PER_S);
      cpu.inc({ mode: 'system' }, system / US_PER_S);
      memory.set(process.memoryUsage.rss());
      started.set(Math.round(Date.now() / 1000 - process.uptime()));
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}

/** What is not known is no zero. */
function setOrLeaveOut(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}
