import type { FrameRecord } from '#shared/frame-log.ts';
import { zeroCounters } from './counters.ts';
import { decodeRtu, encodeRtu } from './rtu.ts';
import type { IdleNoise, RawReply, Slave } from './slave.ts';
import type { WireEffects } from './wire-damage.ts';

/** What followed a request in the recording: a whole frame after a time, or nothing. */
interface RecordedReply {
  readonly frame: Uint8Array;
  readonly afterMs: number;
}

/** What one request got, time after time. */
interface RecordedReplies {
  readonly replies: readonly (RecordedReply | undefined)[];
  next: number;
}

/** Faults as a replayed line feels them. */
export interface ReplayFaults {
  readonly drawEffects: () => WireEffects;
  readonly idleNoise: IdleNoise;
}

/**
 * Answers from a recording: each request gets the reply that followed the same bytes there, in order and from the beginning
 * again after the last, with the recorded time between them. A request that was not answered, or is not in the recording,
 * stays unanswered.
 */
export function createReplaySlave(records: readonly FrameRecord[], faults: ReplayFaults): Slave {
  const recorded = repliesByRequest(records);
  const counters = zeroCounters([]);

  const answer = (request: Uint8Array): RawReply | 'silent' | undefined => {
    const found = recorded.get(hexOf(request));
    if (found === undefined) return undefined;
    counters.requests += 1;
    const effects = faults.drawEffects();
    if (effects.silent) return 'silent';
    const reply = found.replies[found.next];
    found.next = (found.next + 1) % found.replies.length;
    if (reply === undefined) return 'silent';
    counters.replies += 1;
    return { frame: reply.frame, effects, totalMs: reply.afterMs };
  };

  return {
    counters,
    idleNoise: faults.idleNoise,
    has: () => false,
    hearRaw: answer,
    handle: (unit, request) => {
      const reply = answer(encodeRtu(unit, request));
      if (reply === undefined) counters.unknownUnit += 1;
      if (reply === undefined || reply === 'silent') return undefined;
      const decoded = decodeRtu(reply.frame);
      if (decoded.kind === 'garbage') return undefined;
      const { effects, totalMs } = reply;
      return { unit: decoded.unit, pdu: decoded.pdu, effects, totalMs, hangUp: effects.hangUp };
    },
  };
}

/** A request's reply is the first frame received after it and before the next request of its line. */
function repliesByRequest(records: readonly FrameRecord[]): Map<string, RecordedReplies> {
  const found = new Map<string, (RecordedReply | undefined)[]>();
  const open = new Map<string, FrameRecord>();
  const file = (request: FrameRecord, reply: RecordedReply | undefined): void => {
    const replies = found.get(request.hex);
    if (replies === undefined) found.set(request.hex, [reply]);
    else replies.push(reply);
  };
  for (const record of records) {
    const request = open.get(record.lineId);
    if (record.direction === 'sent') {
      if (request !== undefined) file(request, undefined);
      open.set(record.lineId, record);
    } else if (request !== undefined) {
      file(request, { frame: bytesOf(record.hex), afterMs: Math.max(0, record.monoMs - request.monoMs) });
      open.delete(record.lineId);
    }
  }
  for (const request of open.values()) file(request, undefined);
  return new Map([...found].map(([hex, replies]) => [hex, { replies, next: 0 }]));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
