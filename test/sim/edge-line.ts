import type { Timers } from '#shared/clock.ts';
import type { BrokerListener, BrokerSession, OpenBrokerSession } from '../../edge/link/broker-session.ts';
import type { BrokerConnection, SimBroker } from './broker.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import type { Wire } from './wire.ts';

const RECONNECT_MS = 1000;

export interface EdgeLineParts {
  readonly timers: Timers;
  readonly dice: Dice;
  readonly broker: SimBroker;
  readonly life: Life;
  readonly wire: Wire;
  /** Asked when the process ends: whether the power has gone as well. */
  readonly isPowerCut: () => boolean;
  readonly onThrow: (error: unknown) => void;
  /** The process has taken a message. */
  readonly onTaken: (topic: string, payload: Uint8Array) => void;
}

/** What stands in the place of mqtt.js: it connects again each second, with a will of its own each time. */
export function edgeLine(parts: EdgeLineParts): OpenBrokerSession {
  const { timers, dice, broker, life, wire, isPowerCut, onThrow, onTaken } = parts;
  return ({ clientId, subscribeTo }, listener: BrokerListener): BrokerSession => {
    const prefix = subscribeTo.replace(/\+$/, '');
    let connection: BrokerConnection | null = null;
    let isClosed = false;
    const alive = (action: () => void) => () => {
      if (life.isOver || isClosed) return;
      try {
        action();
      } catch (error) {
        onThrow(error);
      }
    };
    const gone = (reason: string) => {
      connection = null;
      listener.onDown(reason);
      timers.after(RECONNECT_MS + dice.between(0, 200), alive(connect));
    };
    const connect = () => {
      const will = listener.will();
      connection = broker.connect({
        clientId,
        wire,
        will,
        wants: (topic) => topic.startsWith(prefix),
        onMessage: (topic, payload) =>
          alive(() => {
            listener.onMessage(topic, payload);
            onTaken(topic, payload);
          })(),
        onGone: (reason) => alive(() => gone(reason))(),
      });
      if (connection === null) return gone('no connection');
      timers.after(
        dice.between(10, 200),
        alive(() => connection !== null && listener.onUp()),
      );
    };
    life.onEnd(() => connection?.drop(isPowerCut()));
    timers.after(dice.between(1, 50), alive(connect));
    return {
      publish: (topic, payload) => {
        if (!life.isOver) connection?.publish(topic, payload);
      },
      reconnect: () => connection?.drop(false),
      close: () => {
        isClosed = true;
        connection?.drop(false);
        return Promise.resolve();
      },
    };
  };
}
