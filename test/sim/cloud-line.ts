import { parseUpTopic } from '#shared/wire/topics.ts';
import type { CloudLink } from '../../cloud/ingest/link.ts';
import type { BrokerConnection, SimBroker } from './broker.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import type { Scheduler } from './scheduler.ts';
import type { Wire } from './wire.ts';

const RECONNECT_MS = 1000;
const PUBLISH_TIMEOUT_MS = 10_000;

export interface CloudLineParts {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly broker: SimBroker;
  readonly life: Life;
  readonly wire: Wire;
  readonly clientId: string;
  readonly onMessage: (topic: string, payload: Buffer) => Promise<void>;
  readonly onHeard: (topic: string) => void;
  /** What is said to a site, when it is. */
  readonly onSaid: (topic: string, payload: string) => void;
}

/** What stands in the place of the cloud's MQTT client: QoS 1 downwards, a promise for each message. */
export function cloudLine(parts: CloudLineParts): CloudLink {
  const { scheduler, dice, broker, life, wire, clientId, onMessage, onHeard, onSaid } = parts;
  const wanted = new Set<number>();
  const granted = new Set<number>();
  let connection: BrokerConnection | null = null;
  let isProven = false;
  const gone = () => {
    connection = null;
    isProven = false;
    granted.clear();
    if (!life.isOver) scheduler.after(RECONNECT_MS + dice.between(0, 200), connect);
  };
  const subscribe = (shards: Iterable<number>) => {
    if (isProven) for (const shard of shards) if (wanted.has(shard)) granted.add(shard);
  };
  const connect = () => {
    if (life.isOver) return;
    connection = broker.connect({
      clientId,
      wire,
      will: null,
      wants: (topic) => granted.has(parseUpTopic(topic)?.shard ?? -1),
      onMessage: (topic, payload) => {
        if (life.isOver) return;
        onHeard(topic);
        void onMessage(topic, Buffer.from(payload));
      },
      onGone: gone,
    });
    if (connection === null) return gone();
    const own = connection;
    scheduler.after(dice.between(20, 200), () => {
      if (connection !== own) return;
      isProven = true;
      subscribe(wanted);
    });
  };
  life.onEnd(() => connection?.drop(false));
  scheduler.after(1, connect);
  return {
    isProven: () => isProven,
    whenProven: () => Promise.resolve(),
    hear(shards) {
      for (const shard of shards) wanted.add(shard);
      subscribe(shards);
    },
    stopHearing(shards) {
      for (const shard of shards) {
        wanted.delete(shard);
        granted.delete(shard);
      }
      return Promise.resolve();
    },
    heardCount: () => granted.size,
    publish(topic, payload) {
      onSaid(topic, payload);
      const open = connection;
      if (open === null) return Promise.reject(new Error('the broker link is down'));
      return new Promise((resolve, reject) => {
        const cancel = scheduler.after(PUBLISH_TIMEOUT_MS, () => {
          if (!life.isOver) reject(new Error(`no PUBACK for ${topic}`));
        });
        open.publish(topic, payload, () => {
          cancel();
          if (!life.isOver) resolve();
        });
      });
    },
    answer(topic, payload) {
      onSaid(topic, payload);
      if (connection === null) return Promise.reject(new Error('the broker link is down'));
      connection.publish(topic, payload, () => {});
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
