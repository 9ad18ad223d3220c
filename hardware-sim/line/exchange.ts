import type { MonoClock, Scheduler } from '../world/clock.ts';
import type { Portion, WireEffects } from './wire-damage.ts';

/** What goes out in answer to one request. */
export interface Outgoing {
  /** Time from the end of the request to the beginning of the reply. */
  readonly delayMs: number;
  /** Empty when the connection is closed instead. */
  readonly portions: readonly Portion[];
  readonly effects: WireEffects;
}

/** A request as heard on a line, and where its reply goes. */
export interface Exchange {
  /** Whoever answers takes one request at a time; others are not held up. */
  readonly answerer: number | string;
  readonly heardAtMs: number;
  /** Asked when the answerer is free; `undefined` means silence. */
  readonly answer: () => Outgoing | undefined;
  readonly send: (bytes: Uint8Array, effects: WireEffects, isLast: boolean) => void;
  readonly hangUp: () => void;
}

/**
 * Returns a function that takes requests and sends each reply when its last byte would have arrived; `wireMs` is the time of
 * that many bytes on the wire.
 *
 * Every unit handles one request at a time, in order: while a late reply is pending, the next request to the same unit waits
 * for it and is answered right after, as real devices with a receive buffer do. Other units are not held up.
 */
export function createExchanger(
  wireMs: (bytes: number) => number,
  clock: MonoClock,
  scheduler: Pick<Scheduler, 'at'>,
): (exchange: Exchange) => void {
  const waiting = new Map<number | string, Exchange[]>();
  const lastDoneMs = new Map<number | string, number>();

  const serveNext = (answerer: number | string): void => {
    const next = waiting.get(answerer)?.[0];
    if (next === undefined) {
      waiting.delete(answerer);
      return;
    }
    serve(next, () => {
      waiting.get(answerer)?.shift();
      serveNext(answerer);
    });
  };

  const serve = (exchange: Exchange, done: () => void): void => {
    const outgoing = exchange.answer();
    if (outgoing === undefined) {
      done();
      return;
    }
    const startMs = Math.max(exchange.heardAtMs, lastDoneMs.get(exchange.answerer) ?? exchange.heardAtMs);
    const finish = (): void => {
      lastDoneMs.set(exchange.answerer, clock.monoMs());
      done();
    };
    if (outgoing.portions.length > 0) sendFrom(exchange, outgoing, 0, startMs + outgoing.delayMs, finish);
    else
      scheduler.at(startMs + outgoing.delayMs, () => {
        exchange.hangUp();
        finish();
      });
  };

  const sendFrom = (
    exchange: Exchange,
    outgoing: Outgoing,
    index: number,
    freeAtMs: number,
    finish: () => void,
  ): void => {
    const portion = outgoing.portions[index];
    if (portion === undefined) {
      finish();
      return;
    }
    const dueMs = freeAtMs + portion.pauseMs + wireMs(portion.bytes.length);
    scheduler.at(dueMs, () => {
      exchange.send(portion.bytes, outgoing.effects, index === outgoing.portions.length - 1);
      sendFrom(exchange, outgoing, index + 1, dueMs, finish);
    });
  };

  return (exchange) => {
    const queue = waiting.get(exchange.answerer);
    if (queue !== undefined) {
      queue.push(exchange);
      return;
    }
    waiting.set(exchange.answerer, [exchange]);
    serveNext(exchange.answerer);
  };
}
