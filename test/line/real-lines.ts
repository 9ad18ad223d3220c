import { createServer, type Server, type Socket } from 'node:net';
import { type OpenedLine, openLine } from '../../edge/bus/open-line.ts';
import type { LineConfig } from '../../edge/config/site.ts';
import { fineTimers } from '../../edge/runtime/fine-timers.ts';
import { systemClock, systemTimers } from '../../edge/runtime/system-time.ts';
import { lineService } from '../../hardware-sim/line/line-service.ts';
import type { OpenLine } from '../../hardware-sim/line/open-line.ts';
import { openPtyLine } from '../../hardware-sim/line/pty-line.ts';
import { processClock, processScheduler } from '../../hardware-sim/line/real-time.ts';
import type { Slave } from '../../hardware-sim/line/slave.ts';
import { openSocketLine } from '../../hardware-sim/line/socket-line.ts';
import type { RtuSettings } from './simulated-line.ts';

/** The edge's line as in production. */
export const productionLine = (config: LineConfig): OpenedLine =>
  openLine(config, {
    clock: systemClock,
    timers: systemTimers,
    fineTimers: fineTimers(systemClock, systemTimers),
    tap: () => {},
  });

export const serialConfig = (path: string, baud: 9600 | 19_200 | 115_200 = 19_200): LineConfig => ({
  lineId: 'L1',
  transport: 'serial',
  path,
  baud,
  parity: 'even',
  stopBits: 1,
});

/** The simulator's line on a pseudo-terminal or a socket of this machine. */
export function openRealWire(settings: RtuSettings, slave: Slave, path?: string): Promise<OpenLine> {
  const attach = lineService(settings, slave, processClock, processScheduler);
  return settings.transport === 'serial'
    ? openPtyLine({ lineId: 'L1', path }, attach)
    : openSocketLine({ lineId: 'L1', transport: 'rtu-over-tcp', host: '127.0.0.1', port: 0 }, attach);
}

/** How the edge reaches a line of the simulator. */
export function configOf({ address }: OpenLine, baud: 9600 | 19_200 | 115_200): LineConfig {
  if (address.transport === 'serial') return serialConfig(address.path, baud);
  if (address.transport !== 'rtu-over-tcp') throw new TypeError(address.transport);
  const { host, port } = address;
  return { lineId: 'L1', transport: 'rtu-over-tcp', host, port, gatewayBaud: baud };
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A TCP server at a free port of this machine, closed with all its sockets. */
export async function listen(onSocket: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
