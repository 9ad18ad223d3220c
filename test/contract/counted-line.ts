import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface CountedBytes {
  readonly upBytes: number;
  readonly downBytes: number;
}

/** A line between a site and its broker that counts what goes over it, as the sockets hand it over. */
export interface CountedLine {
  readonly url: string;
  count(): CountedBytes;
  close(): Promise<void>;
}

export async function countedLine(brokerUrl: string): Promise<CountedLine> {
  const { hostname, port } = new URL(brokerUrl);
  const sockets = new Set<Socket>();
  let [upBytes, downBytes] = [0, 0];
  const server = createServer({ noDelay: true }, (site) => {
    const broker = connect({ host: hostname, port: Number(port), noDelay: true });
    site.on('data', (bytes) => {
      upBytes += bytes.length;
      broker.write(bytes);
    });
    broker.on('data', (bytes) => {
      downBytes += bytes.length;
      site.write(bytes);
    });
    for (const [one, other] of [
      [site, broker],
      [broker, site],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    count: () => ({ upBytes, downBytes }),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
