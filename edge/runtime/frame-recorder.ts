import type { Clock } from '#shared/clock.ts';
import type { FrameRecord } from '#shared/frame-log.ts';
import { MbapReader } from '../bus/framing.ts';
import type { FrameTap } from '../bus/line.ts';

/** What was on a line: the last frames for whoever asks after a fault, and all of them for a recording. */
export interface FrameRecorder {
  readonly tap: FrameTap;
  /** The last frames, oldest first. */
  last(): readonly FrameRecord[];
  /** Takes what has been received as it is: nothing more will come. */
  flush(): void;
}

export interface FrameRecorderParts {
  readonly lineId: string;
  /** Modbus TCP messages are recorded as RTU frames, so that a recording can be replayed on any transport. */
  readonly isMbap: boolean;
  readonly clock: Clock;
  /** Takes every frame. */
  readonly record: (frame: FrameRecord) => void;
}

const RING = 60;
/** Pieces further apart than this are not of one frame. */
const PIECE_GAP_MS = 200;

/** Puts received pieces together into frames: what comes between two questions is one. */
export function frameRecorder({ lineId, isMbap, clock, record }: FrameRecorderParts): FrameRecorder {
  const ring: FrameRecord[] = [];
  let pieces: Uint8Array[] = [];
  let received: Pick<FrameRecord, 'monoMs' | 'wallMs'> = { monoMs: 0, wallMs: 0 };

  const now = () => ({ monoMs: clock.monoMs(), wallMs: Math.floor(clock.wallMs()) });

  function keep(direction: FrameRecord['direction'], bytes: Uint8Array, at: typeof received): void {
    for (const frame of isMbap ? rtuFormOf(bytes) : [bytes]) {
      const entry = { ...at, lineId, direction, hex: Buffer.from(frame).toString('hex') };
      ring.push(entry);
      if (ring.length > RING) ring.shift();
      record(entry);
    }
  }

  function flush(): void {
    if (pieces.length === 0) return;
    const bytes = Buffer.concat(pieces);
    pieces = [];
    keep('received', bytes, received);
  }

  return {
    tap(direction, bytes) {
      const at = now();
      if (direction === 'sent') {
        flush();
        return keep('sent', bytes, at);
      }
      if (at.monoMs - received.monoMs > PIECE_GAP_MS) flush();
      // The time of the last piece: that is when the frame was there.
      received = at;
      pieces.push(Uint8Array.from(bytes));
    },
    flush,
    last() {
      flush();
      return [...ring];
    },
  };
}

/** What cannot be cut into messages is shown as it is. */
function rtuFormOf(bytes: Uint8Array): readonly Uint8Array[] {
  const messages = new MbapReader().push(bytes);
  return messages === null || messages.length === 0 ? [bytes] : messages.map(({ adu }) => adu);
}
