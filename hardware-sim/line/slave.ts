import type { LineCounters } from './counters.ts';
import type { PduAnswer } from './pdu.ts';

/** One addressed device on a line. `exceptionCode` makes it refuse; `ignoreWrites` makes it acknowledge without effect. */
export interface SlaveDevice {
  execute(
    request: Uint8Array,
    how: { readonly exceptionCode: number | undefined; readonly ignoreWrites: boolean },
  ): PduAnswer;
}

/** What faults do to one exchange. */
export interface WireEffects {
  /** The device neither hears nor answers. */
  readonly silent: boolean;
  readonly extraDelayMs: number;
  readonly exceptionCode: number | undefined;
  readonly replyUnit: number | undefined;
  readonly crcError: boolean;
  /** Bytes of the reply frame that get out; `half` of them, or all when `undefined`. */
  readonly keepBytes: number | 'half' | undefined;
  readonly ignoreWrites: boolean;
}

/** An exchange that no fault touches. */
export const NO_EFFECTS: WireEffects = {
  silent: false,
  extraDelayMs: 0,
  exceptionCode: undefined,
  replyUnit: undefined,
  crcError: false,
  keepBytes: undefined,
  ignoreWrites: false,
};

/** A reply that is to go out, still without framing. */
export interface SlaveReply {
  readonly unit: number;
  readonly pdu: Uint8Array;
  readonly effects: WireEffects;
}

/** All devices of one line behind one ear: `undefined` means that nobody answers. */
export interface Slave {
  readonly counters: LineCounters;
  handle(unit: number, request: Uint8Array): SlaveReply | undefined;
}

/** Joins devices, faults and counters of one line. `drawEffects` is asked once per request to a known unit. */
export function createSlave(
  devices: ReadonlyMap<number, SlaveDevice>,
  counters: LineCounters,
  drawEffects: (unit: number, functionCode: number) => WireEffects,
): Slave {
  const handle = (unit: number, request: Uint8Array): SlaveReply | undefined => {
    counters.requests += 1;
    const device = devices.get(unit);
    const unitCounters = counters.perUnit[String(unit)];
    if (device === undefined || unitCounters === undefined) {
      counters.unknownUnit += 1;
      return undefined;
    }
    unitCounters.requests += 1;
    const effects = drawEffects(unit, request[0] ?? 0);
    if (effects.silent) return undefined;
    const answer = device.execute(request, effects);
    counters.replies += 1;
    unitCounters.replies += 1;
    if (answer.kind === 'exception') unitCounters.exceptions += 1;
    return { unit: effects.replyUnit ?? unit, pdu: answer.reply, effects };
  };
  return { counters, handle };
}

/** Damages a finished frame as the effects say: flips a bit of its last byte, cuts it short. */
export function damage(frame: Uint8Array, effects: WireEffects): Uint8Array {
  const copy = Uint8Array.from(frame);
  const last = copy.length - 1;
  if (effects.crcError) copy[last] = (copy[last] ?? 0) ^ 0x01;
  if (effects.keepBytes === undefined) return copy;
  return copy.subarray(0, effects.keepBytes === 'half' ? copy.length >> 1 : effects.keepBytes);
}
