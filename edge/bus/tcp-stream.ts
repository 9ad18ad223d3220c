import { connect, type Socket } from 'node:net';
import type { ByteStream, ByteStreamListener } from './byte-stream.ts';

export interface TcpSettings {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
}

/** A TCP socket to a pile or to a serial gateway. */
export function tcpStream(settings: TcpSettings): ByteStream {
  let socket: Socket | null = null;
  return {
    get isOpen() {
      return socket !== null && socket.readyState === 'open';
    },
    open(listener: ByteStreamListener) {
      const opening = connect({ host: settings.host, port: settings.port, noDelay: true, keepAlive: true });
      socket = opening;
      return new Promise((resolve, reject) => {
        opening.setTimeout(settings.connectTimeoutMs, () => opening.destroy(new Error('no answer to connect')));
        opening.once('connect', () => {
          opening.setTimeout(0);
          resolve();
        });
        // A connection that has been given up has nothing more to say.
        opening.on('data', (bytes) => {
          if (socket === opening) listener.onBytes(bytes);
        });
        opening.on('error', (error) => reject(error));
        opening.on('close', () => {
          reject(new Error('closed before it was connected'));
          if (socket === opening) listener.onClosed('connection closed');
        });
      });
    },
    close() {
      const closing = socket;
      socket = null;
      if (closing === null || closing.destroyed) return Promise.resolve();
      return new Promise((resolve) => {
        closing.once('close', () => resolve());
        closing.destroy();
      });
    },
    write(bytes) {
      socket?.write(bytes);
    },
  };
}
