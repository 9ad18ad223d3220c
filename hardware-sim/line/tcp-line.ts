import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { MonoClock, Scheduler } from '../world/clock.ts';
import { createExchanger, type Exchange } from './exchange.ts';
import { createMbapReader, encodeMbap, type MbapMessage } from './mbap.ts';
import type { OpenLine } from './open-line.ts';
import { damage, type Slave } from './slave.ts';

/** Settings of a Modbus TCP line; port 0 takes a free one. */
export interface TcpSettings {
  readonly lineId: string;
  readonly host: string;
  readonly port: number;
  readonly turnaroundMs: number;
}

/** Opens a Modbus TCP server. Requests to a unit nobody has stay unanswered; a stream that is not MBAP is closed. */
export async function openTcpLine(
  settings: TcpSettings,
  slave: Slave,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): Promise<OpenLine> {
  const submit = createExchanger(slave, { turnaroundMs: settings.turnaroundMs, wireMs: () => 0 }, clock, scheduler);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serveSocket(socket, submit, clock);
  });
  server.listen(settings.port, settings.host);
  await once(server, 'listening');
  return {
    address: { lineId: settings.lineId, transport: 'tcp', host: settings.host, port: portOf(server) },
    close: () => closeServer(server, sockets),
  };
}

function serveSocket(socket: Socket, submit: (exchange: Exchange) => void, clock: MonoClock): void {
  const read = createMbapReader();
  socket.on('data', (chunk: Buffer) => {
    const pushed = read(chunk);
    if (!pushed.ok) {
      socket.destroy();
      return;
    }
    for (const message of pushed.messages) submit(exchangeFor(socket, message, clock.monoMs()));
  });
}

function exchangeFor(socket: Socket, message: MbapMessage, heardAtMs: number): Exchange {
  return {
    unit: message.unit,
    request: message.pdu,
    heardAtMs,
    frame: (reply) =>
      damage(encodeMbap({ transactionId: message.transactionId, unit: reply.unit, pdu: reply.pdu }), reply.effects),
    send: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
