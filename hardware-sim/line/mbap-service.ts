import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { Attach, ByteEnd } from './byte-end.ts';
import { createExchanger, type Exchange, type Outgoing } from './exchange.ts';
import { createMbapReader, encodeMbap, type MbapMessage } from './mbap.ts';
import type { Slave } from './slave.ts';
import { damagePdu, portionsOf } from './wire-damage.ts';

/**
 * Serves the Modbus TCP side of a line's devices to any number of sockets. Requests to a unit nobody has stay unanswered; a
 * stream that is not MBAP is closed.
 */
export function mbapService(
  turnaroundMs: number,
  slave: Slave,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): Attach {
  const submit = createExchanger(() => 0, clock, scheduler);
  return (end) => {
    const read = createMbapReader();
    const socket: OpenSocket = { end, open: true };
    return {
      onBytes: (chunk) => {
        const pushed = read(chunk);
        if (!pushed.ok) {
          end.hangUp();
          return;
        }
        for (const message of pushed.messages)
          submit(exchangeFor(socket, slave, message, clock.monoMs(), turnaroundMs));
      },
      onClosed: () => {
        socket.open = false;
      },
    };
  };
}

interface OpenSocket {
  readonly end: ByteEnd;
  open: boolean;
}

function exchangeFor(
  socket: OpenSocket,
  slave: Slave,
  message: MbapMessage,
  heardAtMs: number,
  turnaroundMs: number,
): Exchange {
  return {
    answerer: message.unit,
    heardAtMs,
    answer: () => answer(slave, message, turnaroundMs),
    send: (bytes) => {
      if (socket.open) socket.end.write(bytes);
    },
    hangUp: () => {
      if (socket.open) socket.end.hangUp();
    },
  };
}

function answer(slave: Slave, { transactionId, unit, pdu }: MbapMessage, turnaroundMs: number): Outgoing | undefined {
  const reply = slave.handle(unit, pdu);
  if (reply === undefined) return undefined;
  const { effects } = reply;
  const delayMs = (reply.totalMs ?? reply.turnaroundMs ?? turnaroundMs) + effects.extraDelayMs;
  if (reply.hangUp) return { delayMs, portions: [], effects };
  const frame = encodeMbap({ transactionId, unit: reply.unit, pdu: damagePdu(reply.pdu, effects) });
  return { delayMs, portions: portionsOf(frame, effects, 0), effects };
}
