import type { Clock, Timers } from '#shared/clock.ts';
import type { LineConfig } from '../config/site.ts';
import { MbapReader } from './framing.ts';
import { type FrameTap, Line, type LineParts } from './line.ts';
import { type ModbusPort, mbapMaster, rtuMaster } from './modbus-master.ts';
import { serialStream } from './serial-stream.ts';
import { silenceMsAt, transmissionMs } from './serial-time.ts';
import { tcpStream } from './tcp-stream.ts';

const CONNECT_TIMEOUT_MS = 2000;
/** A connection whose other end has vanished without a word looks open for minutes. */
const RECONNECT_AFTER_FAILURES = 3;

export interface LineDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly fineTimers: Timers;
  readonly tap: FrameTap;
}

/** A configured line, and the way to Modbus devices on it. */
export interface OpenedLine {
  readonly line: Line;
  readonly modbus: ModbusPort;
}

/** Makes the owner of one configured line. Nothing is opened until the first request. */
export function openLine(config: LineConfig, deps: LineDeps): OpenedLine {
  const common = { lineId: config.lineId, ...deps };
  if (config.transport === 'serial')
    return rtuLine({ ...common, ...onSerial(config.baud), stream: serialStream(config) });
  const stream = tcpStream({ host: config.host, port: config.port, connectTimeoutMs: CONNECT_TIMEOUT_MS });
  if (config.transport === 'rtu-over-tcp') {
    return rtuLine({
      ...common,
      ...onSerial(config.gatewayBaud),
      stream,
      reconnectAfterFailures: RECONNECT_AFTER_FAILURES,
    });
  }
  return mbapLine({ ...common, stream });
}

const onSerial = (baud: number) => ({
  silenceMs: silenceMsAt(baud),
  wireMs: (bytes: number) => transmissionMs(baud, bytes),
  hasTransactionIds: false,
  reconnectAfterFailures: null,
});

export function rtuLine(parts: LineParts): OpenedLine {
  const line = new Line(parts);
  return { line, modbus: rtuMaster(line) };
}

export function mbapLine(parts: Pick<LineParts, 'lineId' | 'stream' | keyof LineDeps>): OpenedLine {
  const reader = new MbapReader();
  const line = new Line({
    ...parts,
    silenceMs: 0,
    wireMs: () => 0,
    hasTransactionIds: true,
    reconnectAfterFailures: RECONNECT_AFTER_FAILURES,
    onStray: (bytes) => reader.push(bytes),
    onOpened: () => reader.reset(),
  });
  return { line, modbus: mbapMaster(line, reader) };
}
