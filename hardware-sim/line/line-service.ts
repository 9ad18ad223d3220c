import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { Attach } from './byte-end.ts';
import { type GatewayPace, gatewayService } from './gateway-service.ts';
import { mbapService } from './mbap-service.ts';
import { type SerialPace, serveRtu } from './rtu-service.ts';
import type { Slave } from './slave.ts';

/** What a line speaks and how fast, whatever carries it. */
export type ServiceSettings =
  | ({ readonly transport: 'serial' } & SerialPace)
  | ({ readonly transport: 'rtu-over-tcp' } & GatewayPace)
  | { readonly transport: 'tcp'; readonly turnaroundMs: number };

/** Serves a line's devices as its settings say. The same service runs on pseudo-terminals, sockets and in memory. */
export function lineService(
  settings: ServiceSettings,
  slave: Slave,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): Attach {
  switch (settings.transport) {
    case 'serial':
      return (end) =>
        serveRtu(settings, slave, { write: (bytes) => end.write(bytes), hangUp: () => {} }, clock, scheduler);
    case 'rtu-over-tcp':
      return gatewayService(settings, slave, clock, scheduler);
    case 'tcp':
      return mbapService(settings.turnaroundMs, slave, clock, scheduler);
  }
}
