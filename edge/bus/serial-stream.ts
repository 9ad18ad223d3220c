import { SerialPort } from 'serialport';
import type { ByteStream, ByteStreamListener } from './byte-stream.ts';

export interface SerialSettings {
  /** A stable path such as /dev/serial/by-id/…: adapters are renumbered when they are plugged again. */
  readonly path: string;
  readonly baud: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
}

/** A serial device through the serialport package, 8 data bits. */
export function serialStream(settings: SerialSettings): ByteStream {
  let port: SerialPort | null = null;
  return {
    get isOpen() {
      return port?.isOpen ?? false;
    },
    open(listener: ByteStreamListener) {
      const opening = new SerialPort({
        path: settings.path,
        baudRate: settings.baud,
        dataBits: 8,
        parity: settings.parity,
        stopBits: settings.stopBits,
        autoOpen: false,
      });
      // A port that has been given up has nothing more to say.
      opening.on('data', (bytes: Buffer) => {
        if (port === opening) listener.onBytes(bytes);
      });
      const onLost = (reason: string) => {
        if (port === opening) listener.onClosed(reason);
      };
      opening.on('close', () => onLost('serial device closed'));
      opening.on('error', (error) => onLost(error.message));
      port = opening;
      return new Promise((resolve, reject) => {
        opening.open((error) => {
          if (error !== null) return reject(error);
          if (port === opening) return resolve();
          opening.close(() => reject(new Error('given up while it was opened')));
        });
      });
    },
    close() {
      const closing = port;
      port = null;
      if (closing === null || !closing.isOpen) return Promise.resolve();
      return new Promise((resolve) => {
        closing.close(() => resolve());
      });
    },
    write(bytes) {
      port?.write(Buffer.from(bytes));
    },
  };
}
