import { readSync, writeSync } from 'node:fs';
import { SerialPort } from 'serialport';
import type { ByteStream, ByteStreamListener } from './byte-stream.ts';

export interface SerialSettings {
  /** A stable path such as /dev/serial/by-id/…: adapters are renumbered when they are plugged again. */
  readonly path: string;
  readonly baud: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
}

/** More than any frame. What does not fit is read in the next turn of the event loop. */
const READ_BYTES = 1024;

/**
 * A serial device, 8 data bits, opened and set by the serialport package.
 *
 * Its bytes are read and written here, by the event loop itself. The package's own stream passes every read and write
 * through the thread pool of the process: that costs most of a request's processor time, and a disk that stalls the four
 * threads of that pool, with recordings for one, would hold a stop back.
 */
export function serialStream(settings: SerialSettings): ByteStream {
  const scratch = Buffer.alloc(READ_BYTES);
  let present: OpenPort | null = null;
  /** The device that was given up last, until it is free again. */
  let closing: Promise<void> = Promise.resolve();
  /** Counts openings and givings-up: an opening that has been given up has nothing more to say. */
  let turn = 0;

  function giveUp(): Promise<void> {
    const port = present;
    turn += 1;
    // First: whoever waits for bytes is told of the closing at once, and must find that it is over. Closed twice, it crashes.
    present = null;
    // A device that is gone cannot be closed in order either.
    if (port !== null) closing = port.close().catch(() => {});
    return closing;
  }

  function lose(port: OpenPort, reason: string): void {
    if (present !== port) return;
    void giveUp();
    port.listener.onClosed(reason);
  }

  function listen(port: OpenPort): void {
    port.poller.once('readable', (error) => {
      if (present !== port) return;
      if (error !== null) return lose(port, error.message);
      const bytes = readNow(port.fd, scratch);
      if (typeof bytes === 'string') return lose(port, bytes);
      listen(port);
      if (bytes.length > 0) port.listener.onBytes(bytes);
    });
  }

  return {
    get isOpen() {
      return present !== null;
    },
    async open(listener) {
      turn += 1;
      const own = turn;
      const port = await openPort(settings, listener);
      if (turn !== own) {
        await port.close();
        throw new Error('given up while it was opened');
      }
      present = port;
      listen(port);
    },
    close: giveUp,
    write(bytes) {
      const port = present;
      const failure = port === null ? null : writeNow(port.fd, bytes);
      // Told when whoever writes has finished what it is doing.
      if (port !== null && failure !== null) queueMicrotask(() => lose(port, failure));
    },
  };
}

interface OpenPort {
  readonly fd: number;
  readonly poller: { once(event: 'readable', callback: (error: Error | null) => void): unknown };
  readonly listener: ByteStreamListener;
  close(): Promise<void>;
}

async function openPort(
  { path, baud, parity, stopBits }: SerialSettings,
  listener: ByteStreamListener,
): Promise<OpenPort> {
  const port = await SerialPort.binding.open({ path, baudRate: baud, dataBits: 8, parity, stopBits });
  if (!('poller' in port) || port.fd === null) throw new TypeError('serial devices are driven on Linux only');
  return { fd: port.fd, poller: port.poller, listener, close: () => port.close() };
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What is there, without waiting: the descriptor does not block. The reason, as a text, when the device is gone. */
function readNow(fd: number, scratch: Buffer): Uint8Array | string {
  try {
    const length = readSync(fd, scratch, 0, scratch.length, null);
    // Readable and empty: the other side of it is gone.
    return length === 0 ? 'serial device closed' : Uint8Array.prototype.slice.call(scratch, 0, length);
  } catch (error) {
    return codeOf(error) === 'EAGAIN' || codeOf(error) === 'EINTR' ? new Uint8Array() : messageOf(error);
  }
}

/**
 * A frame is far shorter than what a serial driver takes at once, and only one is on its way: a device that does not take
 * it whole is not fit to be talked to.
 *
 * @returns why it was not taken, or null
 */
function writeNow(fd: number, bytes: Uint8Array): string | null {
  try {
    const length = writeSync(fd, bytes);
    return length === bytes.length ? null : `serial device took ${length} of ${bytes.length} bytes`;
  } catch (error) {
    return messageOf(error);
  }
}
