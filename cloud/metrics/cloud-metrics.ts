import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { OperationKind } from '../db/schema.ts';

/** How an attempt to deliver a webhook ended; `refused`: the receiver answered, and not with success. */
export type AttemptOutcome = 'delivered' | 'refused' | 'failed';

/** What became of a message of a site. `left`: another process has its shard. */
export type MessageOutcome = 'taken' | 'refused' | 'left' | 'failed';

/**
 * What a process counts of its own doings. Every label is one of a few words, a route template or a shard: nothing that partners,
 * sites or orders have many of.
 */
export interface CloudMetrics {
  readonly registry: Registry;
  /** @param route template of the route; undefined where none fits */
  answered(call: { method: string; route: string | undefined; status: number; durationMs: number }): void;
  /** @param code why it failed; null when it succeeded */
  operationEnded(operation: { kind: OperationKind; code: string | null; durationMs: number }): void;
  message(kind: string, outcome: MessageOutcome): void;
  /**
   * A batch has been stored.
   *
   * @param lagMs how old its last record was by a trusted clock of the site; null where its clock is not to be trusted
   */
  batch(batch: { shard: number; stream: string; taken: number; refused: number; lagMs: number | null }): void;
  attempted(outcome: AttemptOutcome, durationMs: number): void;
}

/** Fine where an answer should come, coarse where somebody waits. */
const ANSWER_BUCKETS_S = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const OPERATION_BUCKETS_S = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 300, 3600];
const DELIVERY_BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];

/** Counters of one process in a registry of its own. They cost nothing until something happens, and start no timer. */
export function createCloudMetrics(): CloudMetrics {
  const registry = new Registry();
  const registers = [registry];
  const answers = new Histogram({
    name: 'pilegate_http_request_duration_seconds',
    help: 'Answers of the API by method, route template and class of status.',
    labelNames: ['method', 'route', 'status'],
    buckets: ANSWER_BUCKETS_S,
    registers,
  });
  const operations = new Histogram({
    name: 'pilegate_operation_duration_seconds',
    help: 'Operations that have their outcome, from being accepted to being confirmed or failed.',
    labelNames: ['kind', 'outcome'],
    buckets: OPERATION_BUCKETS_S,
    registers,
  });
  const failures = new Counter({
    name: 'pilegate_operation_failures_total',
    help: 'Operations that failed, by the code that the partner is told.',
    labelNames: ['kind', 'code'],
    registers,
  });
  const messages = new Counter({
    name: 'pilegate_ingest_messages_total',
    help: 'Messages of sites by kind and by what became of them.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const records = new Counter({
    name: 'pilegate_ingest_records_total',
    help: 'Records that sites have sent, by stream and by whether they were taken.',
    labelNames: ['stream', 'outcome'],
    registers,
  });
  const lag = new Gauge({
    name: 'pilegate_ingest_lag_seconds',
    help: 'How old the last record of the last batch of a shard was when it was stored.',
    labelNames: ['shard'],
    registers,
  });
  const deliveries = new Histogram({
    name: 'pilegate_webhook_attempt_duration_seconds',
    help: 'Attempts to deliver a webhook by how they ended.',
    labelNames: ['outcome'],
    buckets: DELIVERY_BUCKETS_S,
    registers,
  });
  return {
    registry,
    answered({ method, route = 'none', status, durationMs }) {
      const known = route === 'none' ? 'any' : method;
      answers.observe({ method: known, route, status: `${Math.floor(status / 100)}xx` }, durationMs / 1000);
    },
    operationEnded({ kind, code, durationMs }) {
      operations.observe({ kind, outcome: code === null ? 'succeeded' : 'failed' }, durationMs / 1000);
      if (code !== null) failures.inc({ kind, code });
    },
    message: (kind, outcome) => messages.inc({ kind, outcome }),
    batch({ shard, stream, taken, refused, lagMs }) {
      if (taken > 0) records.inc({ stream, outcome: 'taken' }, taken);
      if (refused > 0) records.inc({ stream, outcome: 'refused' }, refused);
      if (lagMs !== null) lag.set({ shard }, Math.max(0, lagMs) / 1000);
    },
    attempted: (outcome, durationMs) => deliveries.observe({ outcome }, durationMs / 1000),
  };
}
