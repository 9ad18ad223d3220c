import { Socket } from 'node:net';
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import type { Timers } from '#shared/clock.ts';
import { CLOUD_WAITS_AT_MOST_MS, reconnectAfterMs } from '#shared/reconnect-delay.ts';
import { allUp } from '#shared/wire/topics.ts';
import { DENIED_TOPIC } from '../broker/broker-topics.ts';
import type { ClientTls } from '../broker/tls-folder.ts';

export interface CloudLink {
  /** True once a probe has gone through the broker and come back on this connection. */
  isProven(): boolean;
  whenProven(): Promise<void>;
  /** Hears the sites of these shards from now on, on this connection and on those that follow. */
  hear(shards: readonly number[]): void;
  /** Hears them no more. Resolves when everything of them that has come is in the hands of `onMessage`, or the link is down. */
  stopHearing(shards: readonly number[]): Promise<void>;
  /** How many shards the broker has granted on this connection. */
  heardCount(): number;
  /** Sends at QoS 1. Rejects when the link is down: whoever sends finds the work again in the database. */
  publish(topic: string, payload: string): Promise<void>;
  /**
   * The same, without waiting for the PUBACK: for what answers a message. The PUBACK comes behind messages that are still to be taken, and
   * while the link is held back those wait for answers to be given. Rejects when the link is down.
   */
  answer(topic: string, payload: string): Promise<void>;
  close(): Promise<void>;
}

/** A connection that somebody on the way has forgotten says nothing: until that is noticed, no site of this process is heard. */
const KEEPALIVE_S = 10;
const PROBE_EVERY_MS = 2_000;
const ASK_AGAIN_MS = 2_000;
const PUBLISH_TIMEOUT_MS = 10_000;
const UNSUBSCRIBE_TIMEOUT_MS = 3_000;

/**
 * The cloud's MQTT 3.1.1 client: clean session, QoS 1, a plain subscription for each shard that is heard. `onMessage` holds the link back
 * until it resolves, which is mqtt.js's only back-pressure.
 *
 * A subscription that is granted proves nothing: aedes grants a shared one and then delivers nothing on it.
 * So a probe is sent through the broker, and the link counts as proven when it has come back.
 */
export function openCloudLink(options: {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: ClientTls;
  readonly clientId: string;
  readonly timers: Timers;
  /** A random number from 0 inclusive to 1 exclusive. */
  readonly fraction: () => number;
  readonly logger: Logger;
  /** How long it may be silent; half as much again, and the connection is given up. */
  readonly keepaliveS?: number;
  readonly onUp?: () => void;
  readonly onMessage: (topic: string, payload: Buffer) => Promise<void>;
}): CloudLink {
  const { timers, logger } = options;
  const probeTopic = `pilegate/v1/probe/${options.clientId}`;
  const waiting: (() => void)[] = [];
  const wanted = new Set<number>();
  const granted = new Set<number>();
  const waitMs = (count: number) => reconnectAfterMs(count, options.fraction(), CLOUD_WAITS_AT_MOST_MS);
  let failures = 0;
  let proven = false;
  let closed = false;
  let cancelProbe: () => void = () => {};

  const client: MqttClient = mqtt.connect(options.url, {
    clientId: options.clientId,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...options.tls,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: waitMs(failures),
    // Without it mqtt.js gives up for good when a login is refused, be it by a broker that only just starts.
    reconnectOnConnackError: true,
    resubscribe: false,
    queueQoSZero: false,
    writeCache: false,
    keepalive: options.keepaliveS ?? KEEPALIVE_S,
  });

  const sendProbe = (): void => {
    if (closed || proven || !client.connected) return;
    client.publish(probeTopic, 'probe', { qos: 1 });
    cancelProbe = timers.after(PROBE_EVERY_MS, sendProbe);
  };
  const onProbe = (): void => {
    if (proven) return;
    proven = true;
    failures = 0;
    client.options.reconnectPeriod = waitMs(failures);
    cancelProbe();
    options.onUp?.();
    logger.info({ clientId: options.clientId }, 'broker link is proven');
    for (const resolve of waiting.splice(0)) resolve();
  };
  const subscribe = (shards: readonly number[]): void => {
    if (shards.length === 0 || !client.connected) return;
    client.subscribe(shards.map(allUp), { qos: 1 }, (error, answers) => {
      const refused = answers?.filter((answer) => answer.qos > 2) ?? [];
      if (error || refused.length > 0) {
        logger.error({ err: error, refused }, 'broker refuses the subscription, and is asked again');
        askAgain(() => subscribe(shards.filter((shard) => wanted.has(shard) && !granted.has(shard))));
        return;
      }
      for (const shard of shards) if (wanted.has(shard)) granted.add(shard);
    });
  };
  /** For as long as this connection lasts: the next one asks for everything anyway. */
  const askAgain = (ask: () => void): void => {
    const { stream } = client;
    timers.after(ASK_AGAIN_MS, () => {
      if (!closed && client.connected && client.stream === stream) ask();
    });
  };
  const subscribeToProbe = (): void => {
    client.subscribe(probeTopic, { qos: 1 }, (error) => {
      if (!error) return sendProbe();
      logger.error({ err: error }, 'broker refuses the subscription of the probe, and is asked again');
      askAgain(subscribeToProbe);
    });
  };
  const hearBroker = (): void => {
    client.subscribe(DENIED_TOPIC, { qos: 1 }, (error, [answer] = []) => {
      if (error || answer === undefined || answer.qos > 2)
        logger.error({ err: error }, 'broker refuses to tell what it refuses to sites');
    });
  };
  client.on('connect', () => {
    // Small packets in both directions: waiting to fill a segment would cost 40 ms at every turn.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    subscribeToProbe();
    subscribe([...wanted]);
    // Only where the broker knows its clients by their certificates is it sure that the broker itself says this.
    if (options.tls !== undefined) hearBroker();
  });
  client.on('reconnect', () => {
    failures += 1;
    // What mqtt.js waits for if this attempt fails: it looks at that when a connection ends.
    client.options.reconnectPeriod = waitMs(failures);
  });
  client.on('close', () => {
    if (proven) logger.warn({ clientId: options.clientId }, 'broker link is down');
    proven = false;
    granted.clear();
    cancelProbe();
  });
  client.on('error', (error) => logger.warn({ err: error }, 'broker link fails and is tried again'));
  client.handleMessage = (packet: IPublishPacket, done) => {
    if (packet.topic === probeTopic) {
      onProbe();
      done();
      return;
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    options.onMessage(packet.topic, payload).then(
      () => done(),
      (error: unknown) => {
        logger.error({ err: error, topic: packet.topic }, 'message cannot be taken');
        done();
      },
    );
  };

  return {
    isProven: () => proven,
    whenProven: () => (proven ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    hear(shards) {
      for (const shard of shards) wanted.add(shard);
      subscribe(shards);
    },
    stopHearing(shards) {
      for (const shard of shards) {
        wanted.delete(shard);
        granted.delete(shard);
      }
      if (shards.length === 0 || !client.connected) return Promise.resolve();
      // Its answer comes behind every message that the broker has sent before.
      return new Promise((resolve) => {
        const cancel = timers.after(UNSUBSCRIBE_TIMEOUT_MS, resolve);
        client.unsubscribe(shards.map(allUp), () => {
          cancel();
          resolve();
        });
      });
    },
    heardCount: () => granted.size,
    publish(topic, payload) {
      if (!client.connected) return Promise.reject(new Error('the broker link is down'));
      return new Promise((resolve, reject) => {
        const cancel = timers.after(PUBLISH_TIMEOUT_MS, () => reject(new Error(`no PUBACK for ${topic}`)));
        client.publish(topic, payload, { qos: 1 }, (error) => {
          cancel();
          if (error) reject(error);
          else resolve();
        });
      });
    },
    answer(topic, payload) {
      if (!client.connected) return Promise.reject(new Error('the broker link is down'));
      client.publish(topic, payload, { qos: 1 }, (error) => {
        if (error) logger.warn({ err: error, topic }, 'answer is lost, and the site will ask again');
      });
      return Promise.resolve();
    },
    async close() {
      closed = true;
      cancelProbe();
      await client.endAsync(true);
    },
  };
}
