import { frameSilenceMs, transmissionMs } from './timing.ts';

/** Collects bytes into frames as a UART at a real baud rate would see them. */
export interface RtuReceiver {
  /** Takes bytes that reached us at `nowMs`. Returns the frames that a silence before them has ended (none or one). */
  push(chunk: Uint8Array, nowMs: number): Uint8Array | undefined;
  /** Instant (ms) when the present bytes become a frame, if no more arrive; `undefined` when there are none. */
  frameEndMs(): number | undefined;
  /** Takes the frame if its silence has passed at `nowMs`. */
  take(nowMs: number): Uint8Array | undefined;
}

/**
 * A pseudo-terminal hands over a whole request at once. The receiver gives every byte the time it would have needed at
 * `baud`, and ends the frame 3.5 characters after the last one. A silence always starts a new frame, so noise cannot wedge it.
 */
export function createRtuReceiver(baud: number): RtuReceiver {
  const silenceMs = frameSilenceMs(baud);
  let bytes: number[] = [];
  let lastByteMs = 0;

  const frameEndMs = (): number | undefined => (bytes.length === 0 ? undefined : lastByteMs + silenceMs);
  const take = (nowMs: number): Uint8Array | undefined => {
    const endMs = frameEndMs();
    if (endMs === undefined || nowMs < endMs) return undefined;
    const frame = Uint8Array.from(bytes);
    bytes = [];
    return frame;
  };
  const push = (chunk: Uint8Array, nowMs: number): Uint8Array | undefined => {
    const ended = take(nowMs);
    lastByteMs = Math.max(lastByteMs, nowMs) + transmissionMs(baud, chunk.length);
    bytes.push(...chunk);
    return ended;
  };
  return { push, frameEndMs, take };
}
