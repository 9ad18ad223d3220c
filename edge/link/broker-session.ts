import { Socket } from 'node:net';
import { connect, type MqttClient } from 'mqtt';

export interface BrokerSettings {
  readonly url: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string | null;
  readonly subscribeTo: string;
}

export interface BrokerListener {
  /** A connection is to be made: returns what the broker shall publish if it breaks. */
  will(): { topic: string; payload: string };
  onUp(): void;
  onDown(reason: string): void;
  onMessage(topic: string, payload: Uint8Array): void;
}

export interface BrokerSession {
  /** At most once, and only while connected. What must arrive is acknowledged by the cloud itself and sent again until it is. */
  publish(topic: string, payload: string | Uint8Array): void;
  close(): Promise<void>;
}

/** {@link openBrokerSession}, or what stands in its place where there is no network. */
export type OpenBrokerSession = (settings: BrokerSettings, listener: BrokerListener) => BrokerSession;

const RECONNECT_MS = 1000;

/**
 * Keeps a connection to the broker: MQTT 3.1.1, clean session, QoS 0 upwards. mqtt.js is given nothing to keep: its
 * store would resend a refused message for ever, and forgets when it is full.
 */
export function openBrokerSession(settings: BrokerSettings, listener: BrokerListener): BrokerSession {
  const asWill = () => ({ ...listener.will(), qos: 0 as const, retain: false });
  const client: MqttClient = connect(settings.url, {
    protocolVersion: 4,
    clean: true,
    clientId: settings.clientId,
    username: settings.username,
    ...(settings.password === null ? {} : { password: settings.password }),
    keepalive: 10,
    connectTimeout: 5000,
    reconnectPeriod: RECONNECT_MS,
    resubscribe: false,
    queueQoSZero: false,
    will: asWill(),
  });
  // Each connection has a will of its own, so that an old one can be told from the present.
  client.on('reconnect', () => {
    client.options.will = asWill();
  });
  client.on('connect', () => {
    // mqtt.js passes no such option on: without it a small message waits for the acknowledgement of the one before.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    client.subscribe(settings.subscribeTo, { qos: 1 }, (error, granted) => {
      const refused = error !== null || granted?.some((grant) => grant.qos === 128);
      // Broken off, not reconnect(): that comes back at once, and a broker that goes on refusing is asked without pause.
      if (refused) client.stream.destroy();
      else listener.onUp();
    });
  });
  client.on('close', () => listener.onDown('connection closed'));
  client.on('error', (error) => listener.onDown(error.message));
  client.on('message', (topic, payload) => listener.onMessage(topic, payload));
  return {
    publish(topic, payload) {
      if (client.connected)
        client.publish(topic, typeof payload === 'string' ? payload : Buffer.from(payload), { qos: 0 });
    },
    async close() {
      await client.endAsync(true);
    },
  };
}
