/** How long one device takes to answer, beyond the time on the wire; smoothed as TCP does (RFC 6298, section 2). */
export interface ReplyTime {
  readonly samples: number;
  readonly smoothedMs: number;
  readonly deviationMs: number;
  /** Doubled with every timeout in a row, so that a device that has become slower is not called dead. */
  readonly patience: number;
}

export const unknownReplyTime: ReplyTime = { samples: 0, smoothedMs: 0, deviationMs: 0, patience: 1 };

/** Until so many answers have come, the device is given all the time that it may take. */
const LEARNED_AFTER_SAMPLES = 8;
/** Room for a hiccup of the device or the network: a poll that fails for one costs more than it waits. */
const ALLOWANCE_MS = 250;
const MOST_PATIENCE = 64;

export function withReply(time: ReplyTime, replyMs: number): ReplyTime {
  if (time.samples === 0) return { samples: 1, smoothedMs: replyMs, deviationMs: replyMs / 2, patience: 1 };
  const deviationMs = 0.75 * time.deviationMs + 0.25 * Math.abs(time.smoothedMs - replyMs);
  const smoothedMs = 0.875 * time.smoothedMs + 0.125 * replyMs;
  return { samples: time.samples + 1, smoothedMs, deviationMs, patience: 1 };
}

export const withTimeout = (time: ReplyTime): ReplyTime => ({
  ...time,
  patience: Math.min(MOST_PATIENCE, time.patience * 2),
});

/**
 * How long to wait for the next answer, beyond the wire.
 *
 * Where transaction ids tell a late answer from the next one, waiting for a poll follows the device, and giving up early
 * frees the line. What was learned from polls says nothing of writes, which a device may have to store first. Where nothing tells them apart the line stays silent until `slowestReplyMs` anyway: giving up early gains
 * nothing there, so the device has at least `responseTimeoutMs`, and more after a timeout.
 */
export function timeoutMs(
  time: ReplyTime,
  limits: { readonly responseTimeoutMs: number; readonly slowestReplyMs: number },
  kind: { readonly hasTransactionIds: boolean; readonly isPoll: boolean },
): number {
  const { responseTimeoutMs, slowestReplyMs } = limits;
  if (!kind.hasTransactionIds) return Math.min(slowestReplyMs, time.patience * responseTimeoutMs);
  if (!kind.isPoll || time.samples < LEARNED_AFTER_SAMPLES) return responseTimeoutMs;
  return Math.min(responseTimeoutMs, time.patience * (ALLOWANCE_MS + time.smoothedMs + 4 * time.deviationMs));
}
