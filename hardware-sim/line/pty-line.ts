import type { MonoClock, Scheduler } from '../world/clock.ts';
import { createExchanger } from './exchange.ts';
import type { OpenLine } from './open-line.ts';
import { openPtyPair } from './pty-pair.ts';
import { decodeRtu, encodeRtu } from './rtu.ts';
import { createRtuReceiver } from './rtu-receiver.ts';
import { damage, type Slave } from './slave.ts';
import { transmissionMs } from './timing.ts';

/** Settings of a serial line. Parity and stop bits do not exist on a pseudo-terminal; a character always counts 11 bits. */
export interface SerialSettings {
  readonly lineId: string;
  readonly baud: number;
  readonly turnaroundMs: number;
}

/**
 * Opens a Modbus RTU slave on a pseudo-terminal.
 *
 * The reply is written as one chunk at the instant its last byte would have arrived: request transmission, 3.5 characters of
 * silence, turnaround, reply transmission. It is never earlier.
 */
export async function openPtyLine(
  settings: SerialSettings,
  slave: Slave,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): Promise<OpenLine> {
  const pair = await openPtyPair();
  const receiver = createRtuReceiver(settings.baud);
  const wireMs = (bytes: number): number => transmissionMs(settings.baud, bytes);
  const submit = createExchanger(slave, { turnaroundMs: settings.turnaroundMs, wireMs }, clock, scheduler);
  let open = true;
  let cancelFrameEnd = (): void => {};

  const hear = (frame: Uint8Array | undefined, heardAtMs: number): void => {
    if (frame === undefined) return;
    const decoded = decodeRtu(frame);
    if (decoded.kind === 'garbage') {
      slave.counters.crcErrors += 1;
      return;
    }
    submit({
      unit: decoded.unit,
      request: decoded.pdu,
      heardAtMs,
      frame: (reply) => damage(encodeRtu(reply.unit, reply.pdu), reply.effects),
      send: (bytes) => {
        if (open) pair.device.write(bytes);
      },
    });
  };

  const awaitFrameEnd = (): void => {
    cancelFrameEnd();
    const endMs = receiver.frameEndMs();
    if (endMs === undefined) return;
    cancelFrameEnd = scheduler.at(endMs, () => hear(receiver.take(clock.monoMs()), endMs));
  };

  pair.device.on('data', (chunk: Buffer) => {
    const nowMs = clock.monoMs();
    hear(receiver.push(chunk, nowMs), nowMs);
    awaitFrameEnd();
  });

  const close = (): Promise<void> => {
    open = false;
    cancelFrameEnd();
    return pair.close();
  };
  return { address: { lineId: settings.lineId, transport: 'serial', path: pair.path }, close };
}
