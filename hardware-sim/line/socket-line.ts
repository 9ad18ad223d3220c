import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Attach } from './byte-end.ts';
import type { OpenLine } from './open-line.ts';

/** Where a line listens; port 0 takes a free one and keeps it. */
export interface SocketSettings {
  readonly lineId: string;
  readonly transport: 'tcp' | 'rtu-over-tcp';
  readonly host: string;
  readonly port: number;
}

/** Serves a line at a TCP port. Unplugging closes the listener and every socket; plugging listens at the same port again. */
export async function openSocketLine(settings: SocketSettings, attach: Attach): Promise<OpenLine> {
  const { lineId, transport, host } = settings;
  const sockets = new Set<Socket>();
  let server: Server | undefined = await listen(settings.port, host, sockets, attach);
  const { port } = server.address() as AddressInfo;

  const unplug = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    if (closing !== undefined) await closeServer(closing, sockets);
  };
  const plug = async (): Promise<void> => {
    server ??= await listen(port, host, sockets, attach);
  };
  return { address: { lineId, transport, host, port }, unplug, plug, close: unplug };
}

async function listen(port: number, host: string, sockets: Set<Socket>, attach: Attach): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const ear = attach({ write: (bytes) => void socket.write(bytes), hangUp: () => void socket.destroy() });
    socket.on('data', ear.onBytes);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      ear.onClosed();
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
