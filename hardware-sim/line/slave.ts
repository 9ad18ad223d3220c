import type { LineCounters } from './counters.ts';
import type { PduAnswer } from './pdu.ts';
import type { RawDevice } from './raw-device.ts';
import { NO_EFFECTS, type WireEffects } from './wire-damage.ts';

/** One addressed device on a line. `exceptionCode` makes it refuse; `ignoreWrites` makes it acknowledge without effect. */
export interface SlaveDevice {
  execute(
    request: Uint8Array,
    how: { readonly exceptionCode: number | undefined; readonly ignoreWrites: boolean },
  ): PduAnswer;
}

/** How a reply leaves its device. */
interface ReplyManner {
  readonly effects: WireEffects;
  /** Replaces the line's turnaround. */
  readonly turnaroundMs?: number | undefined;
  /** Recorded time from the first byte of the request to the last byte of the reply; replaces the turnaround. */
  readonly totalMs?: number | undefined;
}

/** A reply that is to go out, still without framing. */
export interface SlaveReply extends ReplyManner {
  readonly unit: number;
  readonly pdu: Uint8Array;
  /** The device closes the connection instead of answering. */
  readonly hangUp: boolean;
}

/** A whole reply frame of a device that does not speak Modbus. */
export interface RawReply extends ReplyManner {
  readonly frame: Uint8Array;
}

/** Noise that a line picks up by itself, between frames. */
export interface IdleNoise {
  /** Time in ms until the next burst may come; `undefined` while the line is quiet. */
  nextInMs(): number | undefined;
  /** The bytes of a burst that strikes now. */
  strike(): Uint8Array | undefined;
  /** Calls `listener` whenever quiet may have turned to noise or back; returns the function that ends it. */
  watch(listener: () => void): () => void;
}

/** All devices of one line behind one ear: `undefined` means that nobody answers. */
export interface Slave {
  readonly counters: LineCounters;
  readonly idleNoise: IdleNoise | undefined;
  /** True when a device of this line has that Modbus address. */
  has(unit: number): boolean;
  handle(unit: number, request: Uint8Array): SlaveReply | undefined;
  /**
   * Offers a frame that is no Modbus request to a unit of this line to the other devices, in order. `undefined` when none of
   * them wants it, `silent` when one does but says nothing.
   */
  hearRaw(frame: Uint8Array): RawReply | 'silent' | undefined;
}

/** What a line may have beside its Modbus devices. */
export interface SlaveExtras {
  readonly rawDevices: readonly RawDevice[];
  readonly drawRawEffects: (deviceId: string) => WireEffects;
  /** Turnaround of one unit where it differs from the line's. */
  readonly turnaroundMsOf: (unit: number) => number | undefined;
  readonly idleNoise: IdleNoise;
}

/** Joins devices, faults and counters of one line. `drawEffects` is asked once per request to a known unit. */
export function createSlave(
  devices: ReadonlyMap<number, SlaveDevice>,
  counters: LineCounters,
  drawEffects: (unit: number, functionCode: number) => WireEffects,
  extras: Partial<SlaveExtras> = {},
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
    const manner = { effects, turnaroundMs: extras.turnaroundMsOf?.(unit) };
    if (effects.hangUp) return { unit, pdu: NOTHING, hangUp: true, ...manner };
    const answer = device.execute(request, effects);
    if (answer.kind === 'hang-up') return { unit, pdu: NOTHING, hangUp: true, ...manner };
    counters.replies += 1;
    unitCounters.replies += 1;
    if (answer.kind === 'exception') unitCounters.exceptions += 1;
    return { unit: effects.replyUnit ?? unit, pdu: answer.reply, hangUp: false, ...manner };
  };

  const hearRaw = (frame: Uint8Array): RawReply | 'silent' | undefined => {
    for (const device of extras.rawDevices ?? []) {
      const reply = device.hear(frame);
      if (reply === undefined) continue;
      const effects = extras.drawRawEffects?.(device.deviceId) ?? NO_EFFECTS;
      if (effects.silent) return 'silent';
      counters.rawReplies += 1;
      return { frame: reply, effects };
    }
    return undefined;
  };
  return { counters, idleNoise: extras.idleNoise, has: (unit) => devices.has(unit), handle, hearRaw };
}

const NOTHING = new Uint8Array(0);
