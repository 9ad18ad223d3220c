import type { Attach, ByteEnd } from '../line/byte-end.ts';
import { startIdleNoise } from '../line/idle-noise.ts';
import type { IdleNoise } from '../line/slave.ts';
import { transmissionMs } from '../line/timing.ts';
import { portionsOf, type WireEffects } from '../line/wire-damage.ts';
import type { MonoClock, Scheduler } from '../world/clock.ts';
import { READERS } from './reader-frames.ts';
import type { ReaderSettings } from './reader-settings.ts';

/** What physically is at one reader. */
export interface ReaderTruth {
  readonly readerId: string;
  readonly model: ReaderSettings['model'];
  /** The card that lies there; null without one. */
  readonly card: string | null;
  readonly framesSent: number;
}

/** A card reader: it speaks by itself when a card is held to it, and hears nothing. */
export interface CardReader {
  readonly readerId: string;
  readonly lineId: string;
  /** Speaks on a line at this pace from now on. */
  serve(baud: number, clock: MonoClock, scheduler: Pick<Scheduler, 'at'>): Attach;
  /** A card is held to it for so long. Another one in the meantime takes its place. */
  present(card: string, holdMs: number): void;
  truth(): ReaderTruth;
}

/** Bytes of a frame reach the other side together, when the last of them would have arrived. */
export function createCardReader(
  settings: ReaderSettings,
  drawEffects: () => WireEffects,
  idleNoise: IdleNoise,
): CardReader {
  const { readerId, model, lineId } = settings;
  const { frame, repeatMs, checksumFromEnd } = READERS[model];
  let card: string | null = null;
  let framesSent = 0;
  let end: ByteEnd | null = null;
  let cancelHold = (): void => {};
  let line: { readonly baud: number; readonly clock: MonoClock; readonly scheduler: Pick<Scheduler, 'at'> } | null =
    null;

  const send = (number: string): void => {
    if (line === null) return;
    const { baud, clock, scheduler } = line;
    const effects = drawEffects();
    if (effects.silent) return;
    framesSent += 1;
    let dueMs = clock.monoMs() + effects.extraDelayMs;
    for (const { pauseMs, bytes } of portionsOf(frame(number), effects, 0, checksumFromEnd)) {
      dueMs += pauseMs + transmissionMs(baud, bytes.length);
      scheduler.at(dueMs, () => end?.write(bytes));
    }
  };

  return {
    readerId,
    lineId,
    serve: (baud, clock, scheduler) => (attached) => {
      line = { baud, clock, scheduler };
      end = attached;
      const write = (bytes: Uint8Array): void => attached.write(bytes);
      const stopNoise = startIdleNoise(idleNoise, () => card === null, write, clock, scheduler);
      return {
        onBytes: () => {},
        onClosed: () => {
          stopNoise();
          if (end === attached) end = null;
        },
      };
    },
    present(number, holdMs) {
      cancelHold();
      card = number;
      send(number);
      if (line === null) return;
      const { clock, scheduler } = line;
      const untilMs = clock.monoMs() + holdMs;
      const again = (): void => {
        const nextMs = repeatMs === null ? untilMs : Math.min(untilMs, clock.monoMs() + repeatMs);
        cancelHold = scheduler.at(nextMs, () => {
          if (clock.monoMs() >= untilMs) {
            card = null;
            return;
          }
          send(number);
          again();
        });
      };
      again();
    },
    truth: () => ({ readerId, model, card, framesSent }),
  };
}
