import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { Slave, SlaveReply } from './slave.ts';

/** A request as heard on a line, and where its reply goes. */
export interface Exchange {
  readonly unit: number;
  readonly request: Uint8Array;
  readonly heardAtMs: number;
  /** Builds the bytes that go on the wire, faults included. */
  readonly frame: (reply: SlaveReply) => Uint8Array;
  readonly send: (bytes: Uint8Array) => void;
}

/** How fast a line's devices are. `wireMs` is the reply's own time on the wire. */
export interface ExchangePace {
  readonly turnaroundMs: number;
  readonly wireMs: (replyBytes: number) => number;
}

/**
 * Returns a function that takes requests and sends each reply when its last byte would have arrived.
 *
 * Every unit handles one request at a time, in order: while a late reply is pending, the next request to the same unit waits
 * for it and is answered right after, as real devices with a receive buffer do. Other units are not held up.
 */
export function createExchanger(
  slave: Slave,
  pace: ExchangePace,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): (exchange: Exchange) => void {
  const waiting = new Map<number, Exchange[]>();
  const lastDoneMs = new Map<number, number>();

  const serveNext = (unit: number): void => {
    const next = waiting.get(unit)?.[0];
    if (next === undefined) {
      waiting.delete(unit);
      return;
    }
    serve(next, () => {
      waiting.get(unit)?.shift();
      serveNext(unit);
    });
  };

  const serve = (exchange: Exchange, done: () => void): void => {
    const reply = slave.handle(exchange.unit, exchange.request);
    if (reply === undefined) {
      done();
      return;
    }
    const bytes = exchange.frame(reply);
    const startMs = Math.max(exchange.heardAtMs, lastDoneMs.get(exchange.unit) ?? exchange.heardAtMs);
    const dueMs = startMs + pace.turnaroundMs + reply.effects.extraDelayMs + pace.wireMs(bytes.length);
    scheduler.at(dueMs, () => {
      lastDoneMs.set(exchange.unit, clock.monoMs());
      exchange.send(bytes);
      done();
    });
  };

  return (exchange) => {
    const queue = waiting.get(exchange.unit);
    if (queue !== undefined) {
      queue.push(exchange);
      return;
    }
    waiting.set(exchange.unit, [exchange]);
    serveNext(exchange.unit);
  };
}
