import type { LineFailure } from './line-error.ts';

/** What happened to the requests of one device, or of a whole line, since the process started. */
export interface RequestCounters {
  requests: number;
  answers: number;
  timeouts: number;
  crcErrors: number;
  mismatches: number;
  /** The device understood and refused. */
  exceptions: number;
}

export interface DeviceCounters extends RequestCounters {
  /** From the first byte of the question to the last of the answer: smoothed, and the longest. */
  replyMs: number;
  longestReplyMs: number;
  /** Requests not sent because the device is silent. */
  spared: number;
}

export interface LineCounters extends RequestCounters {
  opened: number;
  /** Time that requests kept the line, answered or not. Utilisation is this over `sinceMs`. */
  busyMs: number;
  sinceMonoMs: number;
  /** Bytes that came while nobody waited for any. */
  strayBytes: number;
}

const none = (): RequestCounters => ({
  requests: 0,
  answers: 0,
  timeouts: 0,
  crcErrors: 0,
  mismatches: 0,
  exceptions: 0,
});
export const newDeviceCounters = (): DeviceCounters => ({ ...none(), replyMs: 0, longestReplyMs: 0, spared: 0 });
export const newLineCounters = (sinceMonoMs: number): LineCounters => ({
  ...none(),
  opened: 0,
  busyMs: 0,
  sinceMonoMs,
  strayBytes: 0,
});

const counterOf: Partial<Record<LineFailure, keyof RequestCounters>> = {
  timeout: 'timeouts',
  crc: 'crcErrors',
  mismatch: 'mismatches',
  exception: 'exceptions',
};

export function countFailure(counters: RequestCounters, failure: LineFailure): void {
  const counter = counterOf[failure];
  if (counter !== undefined) counters[counter] += 1;
}
