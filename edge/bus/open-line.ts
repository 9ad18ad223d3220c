import type { Clock, Timers } from '#shared/clock.ts';
import type { LineConfig } from '../config/site.ts';
import { mbapFraming, rtuFraming } from './framing.ts';
import { Line } from './line.ts';
import type { FrameTap } from './modbus-port.ts';
import { serialStream } from './serial-stream.ts';
import { tcpStream } from './tcp-stream.ts';

const BITS_PER_CHARACTER = 11;
const CONNECT_TIMEOUT_MS = 2000;

/**
 * Silence before a frame: 3.5 characters of 11 bits, but 1.75 ms above 19200 baud.
 * Modbus over serial line specification V1.02, 2.5.1.1.
 */
export function silenceMsAt(baud: number): number {
  return baud > 19_200 ? 1.75 : (3.5 * BITS_PER_CHARACTER * 1000) / baud;
}

/** Makes the owner of one configured line. Nothing is opened until the first request. */
export function openLine(config: LineConfig, deps: { clock: Clock; timers: Timers; tap: FrameTap }): Line {
  const common = { lineId: config.lineId, ...deps };
  if (config.transport === 'serial') {
    return new Line({
      ...common,
      stream: serialStream(config),
      framing: rtuFraming(),
      silenceMs: silenceMsAt(config.baud),
    });
  }
  const stream = tcpStream({ host: config.host, port: config.port, connectTimeoutMs: CONNECT_TIMEOUT_MS });
  const isRtu = config.transport === 'rtu-over-tcp';
  const framing = isRtu ? rtuFraming() : mbapFraming();
  return new Line({ ...common, stream, framing, silenceMs: isRtu ? silenceMsAt(config.gatewayBaud) : 0 });
}
