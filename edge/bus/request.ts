/** Read of registers (03 holding, 04 input): answered by 16-bit words. */
export interface ReadRequest {
  readonly fc: 3 | 4;
  readonly address: number;
  readonly count: number;
}

/** Write of one coil (05), one register (06) or several registers (16). */
export type WriteRequest =
  | { readonly fc: 5; readonly address: number; readonly on: boolean }
  | { readonly fc: 6; readonly address: number; readonly word: number }
  | { readonly fc: 16; readonly address: number; readonly words: readonly number[] };

export type ModbusRequest = ReadRequest | WriteRequest;

export const isRead = (request: ModbusRequest): request is ReadRequest => request.fc === 3 || request.fc === 4;

/** Who goes first when several wait: a stop or start, the watchdog's feeding, then polls. */
export const priorities = ['command', 'keep-alive', 'poll'] as const;
export type Priority = (typeof priorities)[number];

/** What one device asks of its master. */
export interface DeviceTiming {
  /** Idle time the device needs between two requests. */
  readonly gapMs: number;
  readonly responseTimeoutMs: number;
  /** No reply comes later than this after its request; until then the line stays silent after a timeout. */
  readonly slowestReplyMs: number;
}

export interface LineJob {
  readonly unit: number;
  readonly priority: Priority;
  readonly request: ModbusRequest;
  readonly timing: DeviceTiming;
}
