/** Random bytes that join a reply on the wire. `at` (0..1) says where inside the frame. */
export interface ReplyNoise {
  readonly where: 'before' | 'inside' | 'after';
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** What faults do to one exchange. */
export interface WireEffects {
  /** The device neither hears nor answers. One that does not speak Modbus has heard; its reply is lost. */
  readonly silent: boolean;
  readonly extraDelayMs: number;
  readonly exceptionCode: number | undefined;
  readonly replyUnit: number | undefined;
  readonly crcError: boolean;
  /** Bytes of the reply frame that get out; `half` of them, or all when `undefined`. */
  readonly keepBytes: number | 'half' | undefined;
  readonly ignoreWrites: boolean;
  /** Added to the byte count that a read reply states about itself; its data and checksum stay right. */
  readonly byteCountOffBy: number;
  readonly noise: ReplyNoise | undefined;
  /** The reply is sent twice. */
  readonly duplicate: boolean;
  /** The connection is closed in place of the reply. */
  readonly hangUp: boolean;
  /** The reply comes in that many pieces. */
  readonly split: { readonly pieces: number; readonly pauseMs: number } | undefined;
  /** A gateway keeps the reply back and hands it out before the next one. */
  readonly stale: boolean;
  /** From here on a gateway hands out the previous reply, until the socket is closed. */
  readonly offByOne: boolean;
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
  byteCountOffBy: 0,
  noise: undefined,
  duplicate: false,
  hangUp: false,
  split: undefined,
  stale: false,
  offByOne: false,
};

/** Bytes that reach the master at once, `pauseMs` after the ones before them. */
export interface Portion {
  readonly pauseMs: number;
  readonly bytes: Uint8Array;
}

/** A read reply (FC 1 to 4) with a wrong byte count; any other PDU as it is. Framed afterwards, so its checksum is right. */
export function damagePdu(pdu: Uint8Array, effects: WireEffects): Uint8Array {
  const functionCode = pdu[0] ?? 0;
  if (effects.byteCountOffBy === 0 || functionCode < 1 || functionCode > 4) return pdu;
  const copy = Uint8Array.from(pdu);
  copy[1] = ((copy[1] ?? 0) + effects.byteCountOffBy) & 0xff;
  return copy;
}

/** Damages a finished frame as the effects say: spoils its checksum, cuts it short, adds noise. */
function damageFrame(frame: Uint8Array, effects: WireEffects, checksumFromEnd: number): Uint8Array {
  const copy = Uint8Array.from(frame);
  const checksumAt = copy.length - checksumFromEnd;
  if (effects.crcError) copy[checksumAt] = (copy[checksumAt] ?? 0) ^ 0x01;
  return withNoise(cut(copy, effects.keepBytes), effects.noise);
}

/**
 * The portions in which a damaged frame goes out. `repeatPauseMs` stands between a reply and its repetition; the last byte of
 * the checksum is the last of the frame, or `checksumFromEnd` bytes before its end.
 */
export function portionsOf(
  frame: Uint8Array,
  effects: WireEffects,
  repeatPauseMs: number,
  checksumFromEnd = 1,
): readonly Portion[] {
  const damaged = damageFrame(frame, effects, checksumFromEnd);
  const once = splitFrame(damaged, effects.split);
  if (!effects.duplicate) return once;
  return [...once, ...once.map((portion, index) => (index === 0 ? { ...portion, pauseMs: repeatPauseMs } : portion))];
}

function cut(frame: Uint8Array, keepBytes: WireEffects['keepBytes']): Uint8Array {
  if (keepBytes === undefined) return frame;
  return frame.subarray(0, keepBytes === 'half' ? frame.length >> 1 : keepBytes);
}

function withNoise(frame: Uint8Array, noise: ReplyNoise | undefined): Uint8Array {
  if (noise === undefined) return frame;
  const at = { before: 0, inside: insideOf(frame, noise.at), after: frame.length }[noise.where];
  return Uint8Array.of(...frame.subarray(0, at), ...noise.bytes, ...frame.subarray(at));
}

/** A place after the first byte and before the last one, where the frame has such a place. */
function insideOf(frame: Uint8Array, at: number): number {
  return frame.length < 2 ? 0 : 1 + Math.floor(at * (frame.length - 1));
}

/** A frame in as many pieces of about the same length as `split` says. */
export function splitFrame(frame: Uint8Array, split: WireEffects['split']): readonly Portion[] {
  if (split === undefined || frame.length < 2) return [{ pauseMs: 0, bytes: frame }];
  const count = Math.min(split.pieces, frame.length);
  const edges = Array.from({ length: count + 1 }, (_, index) => Math.round((index * frame.length) / count));
  return Array.from({ length: count }, (_, index) => ({
    pauseMs: index === 0 ? 0 : split.pauseMs,
    bytes: frame.subarray(edges[index], edges[index + 1]),
  }));
}
