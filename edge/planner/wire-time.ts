import { silenceMsAt, transmissionMs } from '../bus/serial-time.ts';

/** What of a device's timing decides how long its transactions take. */
export interface TransactionTiming {
  readonly gapMs: number;
  readonly turnaroundMs: number;
  readonly responseTimeoutMs: number;
  readonly slowestReplyMs: number;
}

/** A question and its answer on a line, or on a network where `baud` is null. */
export interface TransactionTime {
  /** From the silence before the question to the silence after the answer. */
  readonly busyMs: number;
  /** The device's idle time afterwards. */
  readonly gapMs: number;
  /** For how long the line is not free when no answer comes. */
  readonly unansweredMs: number;
}

/**
 * `(question + answer) × 11 / baud + 2 × silence + turnaround`, and the gap. On a network only turnaround and gap count.
 *
 * Without an answer a serial line is kept quiet until the slowest one can no longer come, because RTU frames name no
 * question; on Modbus TCP a late answer is recognised, and only the response timeout is lost.
 */
export function transactionTime(bytes: number, baud: number | null, timing: TransactionTiming): TransactionTime {
  const { gapMs, turnaroundMs, responseTimeoutMs, slowestReplyMs } = timing;
  if (baud === null) return { busyMs: turnaroundMs, gapMs, unansweredMs: responseTimeoutMs };
  const wireMs = transmissionMs(baud, bytes);
  return {
    busyMs: wireMs + 2 * silenceMsAt(baud) + turnaroundMs,
    gapMs,
    unansweredMs: wireMs + silenceMsAt(baud) + slowestReplyMs,
  };
}
