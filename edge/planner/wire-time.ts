/** Start, eight data bits, parity and stop, or two stops. Modbus over serial line V1.02, 2.5.1: 11 bits in every mode. */
const BITS_PER_CHARACTER = 11;

/** How long so many characters take on a serial line. */
export const charactersMs = (count: number, baud: number): number => (count * BITS_PER_CHARACTER * 1000) / baud;

/** Silence around a frame: 3.5 characters, but 1.75 ms above 19200 baud. Modbus over serial line V1.02, 2.5.1.1. */
export const silenceMs = (baud: number): number => (baud > 19_200 ? 1.75 : charactersMs(3.5, baud));

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
  const wireMs = charactersMs(bytes, baud);
  return {
    busyMs: wireMs + 2 * silenceMs(baud) + turnaroundMs,
    gapMs,
    unansweredMs: wireMs + silenceMs(baud) + slowestReplyMs,
  };
}
