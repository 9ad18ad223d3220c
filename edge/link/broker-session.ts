import { createConnection, Socket } from 'node:net';
import { connect, type IClientOptions, MqttClient } from 'mqtt';
import { reconnectAfterMs, SITES_WAIT_AT_MOST_MS } from '#shared/reconnect-delay.ts';

export interface BrokerSettings {
  readonly url: string;
  readonly clientId: string;
  readonly username: string;
  /** PEM of the authority that the broker's certificate is from; null: those that the system trusts. */
  readonly authority: string | null;
  readonly subscribeTo: string;
  /** A random number from 0 inclusive to 1 exclusive: sites that have lost their broker together do not come back together. */
  readonly fraction: () => number;
  /** An address of this box: connections begin there. */
  readonly localAddress?: string | undefined;
  /** Only shows whether the broker is there: no will, and no word of the site. */
  readonly isTrial?: boolean;
}

/** What a connection is made with. */
export type BrokerLogin =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly password: string }
  /** PEM, both. The broker takes the user's name from the certificate. */
  | { readonly kind: 'certificate'; readonly key: string; readonly certificate: string };

export interface BrokerListener {
  /** A connection is to be made: returns what with. Null: with nothing, so that none is made until `reconnect`. */
  login(): BrokerLogin | null;
  /** A connection is to be made: returns what the broker shall publish if it breaks. */
  will(): { topic: string; payload: string };
  onUp(): void;
  onDown(reason: string): void;
  onMessage(topic: string, payload: Uint8Array): void;
}

export interface BrokerSession {
  /** At most once, and only while connected. What must arrive is acknowledged by the cloud itself and sent again until it is. */
  publish(topic: string, payload: string | Uint8Array): void;
  /** Ends the connection, if there is one, and makes another. */
  reconnect(): void;
  close(): Promise<void>;
}

/** {@link openBrokerSession}, or what stands in its place where there is no network. */
export type OpenBrokerSession = (settings: BrokerSettings, listener: BrokerListener) => BrokerSession;

/**
 * Keeps a connection to the broker: MQTT 3.1.1, clean session, QoS 0 upwards. mqtt.js is given nothing to keep: its
 * store would resend a refused message for ever, and forgets when it is full.
 */
export function openBrokerSession(settings: BrokerSettings, listener: BrokerListener): BrokerSession {
  const asWill = () =>
    settings.isTrial === true ? {} : { will: { ...listener.will(), qos: 0 as const, retain: false } };
  const first = listener.login();
  const waitMs = (failures: number) => reconnectAfterMs(failures, settings.fraction(), SITES_WAIT_AT_MOST_MS);
  let failures = 0;
  const client = connectFrom(settings, {
    protocolVersion: 4,
    clean: true,
    clientId: settings.clientId,
    username: settings.username,
    ...(settings.authority === null ? {} : { ca: settings.authority }),
    ...optionsOf(first),
    manualConnect: first === null,
    keepalive: 10,
    connectTimeout: 5000,
    reconnectPeriod: waitMs(failures),
    // Without it mqtt.js gives up for good when a login is refused, be it by a broker whose database is away for a moment.
    reconnectOnConnackError: true,
    resubscribe: false,
    queueQoSZero: false,
    // Or it makes a buffer for each of 65,536 numbers: 7 MB.
    writeCache: false,
    ...asWill(),
  });
  let hasBegun = first !== null;
  // Each connection has a will of its own, so that an old one can be told from the present.
  client.on('reconnect', () => {
    hasBegun = true;
    failures += 1;
    // What mqtt.js waits for if this attempt fails: it looks at that when a connection ends.
    Object.assign(client.options, optionsOf(listener.login()), asWill(), { reconnectPeriod: waitMs(failures) });
  });
  client.on('connect', () => {
    // mqtt.js passes no such option on: without it a small message waits for the acknowledgement of the one before.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    client.subscribe(settings.subscribeTo, { qos: 1 }, (error, granted) => {
      const refused = error !== null || granted?.some((grant) => grant.qos === 128);
      // Broken off, not reconnect(): that comes back at once, and a broker that goes on refusing is asked without pause.
      if (refused) return void client.stream.destroy();
      failures = 0;
      client.options.reconnectPeriod = waitMs(failures);
      listener.onUp();
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
    reconnect() {
      // While it is connecting, the next attempt takes what is good by then.
      if (client.connected) client.stream.destroy();
      else if (!client.reconnecting || client.stream.closed) client.reconnect();
    },
    async close() {
      // mqtt.js cannot end what has never begun.
      if (hasBegun) await client.endAsync(true);
    },
  };
}

function optionsOf(login: BrokerLogin | null): IClientOptions {
  switch (login?.kind) {
    case 'password':
      return { password: login.password };
    case 'certificate':
      return { key: login.key, cert: login.certificate };
    default:
      return {};
  }
}

/** mqtt.js lets nobody say where an unencrypted connection begins. */
function connectFrom({ url, localAddress }: BrokerSettings, options: IClientOptions): MqttClient {
  const { protocol, hostname, port } = new URL(url);
  if (localAddress === undefined || protocol !== 'mqtt:')
    return connect(url, { ...options, ...(localAddress === undefined ? {} : { localAddress }) });
  const host = hostname.replace(/^\[|\]$/g, '');
  const client = new MqttClient(() => createConnection({ host, port: Number(port || 1883), localAddress }), {
    ...options,
    protocol: 'mqtt',
  });
  return client;
}
