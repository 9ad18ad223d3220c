import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { ByteStream } from '../bus/byte-stream.ts';
import { ListeningLine } from '../bus/listening-line.ts';
import { serialStream } from '../bus/serial-stream.ts';
import type { LineConfig } from '../config/site.ts';
import type { SiteCardReader } from '../config/site-devices.ts';
import { CardFrames } from '../devices/readers/card-frames.ts';

/** A card reader of the site, for the technician. */
export interface ReaderView {
  readonly readerId: string;
  readonly lineId: string;
  readonly isOpen: boolean;
  /** Frames that told a card, and frames that were begun and told none, since the process began. */
  readonly frames: number;
  readonly broken: number;
}

export interface SiteReadersParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** A reader has sent a card's number. */
  readonly onNumber: (readerId: string, connectorIds: readonly string[], number: string) => void;
  /** Opens the port of a reader. */
  readonly streamOf?: ((line: Extract<LineConfig, { transport: 'serial' }>) => ByteStream) | undefined;
}

interface Reader {
  readonly config: SiteCardReader['config'];
  readonly line: ListeningLine;
  readonly frames: CardFrames;
  told: number;
}

/** Every card reader that has a line of its own. */
export class SiteReaders {
  readonly #readers: readonly Reader[];

  constructor(devices: readonly SiteCardReader[], parts: SiteReadersParts) {
    this.#readers = devices.map((device) => readerOf(device, parts));
  }

  start(): void {
    for (const { line } of this.#readers) line.start();
  }

  views(): ReaderView[] {
    return this.#readers.map(({ config: { readerId, lineId }, line, frames, told }) => ({
      readerId,
      lineId,
      isOpen: line.isOpen,
      frames: told,
      broken: frames.broken,
    }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map(({ line }) => line.close()));
  }
}

function readerOf({ config, line: lineConfig, profile }: SiteCardReader, parts: SiteReadersParts): Reader {
  const { clock, timers, onNumber, streamOf = serialStream } = parts;
  const { readerId, connectorIds } = config;
  if (lineConfig.transport !== 'serial') throw new TypeError(`${readerId} is not on a serial line`);
  const log = parts.log.child({ readerId, lineId: lineConfig.lineId });
  const frames = new CardFrames(profile);
  const line = new ListeningLine({
    stream: streamOf(lineConfig),
    clock,
    timers,
    onOpened(nowMonoMs) {
      frames.opened(nowMonoMs);
      log.info('card reader is listened to');
    },
    onBytes(bytes, nowMonoMs) {
      for (const number of frames.push(bytes, nowMonoMs)) {
        reader.told += 1;
        onNumber(readerId, connectorIds, number);
      }
    },
    onLost: (reason) => log.warn({ reason }, 'card reader cannot be listened to'),
  });
  const reader: Reader = { config, line, frames, told: 0 };
  return reader;
}
