import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { Logger } from 'pino';
import type { SiteLinks } from '../sites/site-links.ts';
import { type BrokerIdentity, mayPublish, maySubscribe, mayUseClientId } from './permissions.ts';
import type { Authenticate } from './site-credentials.ts';

export interface EmbeddedBroker extends SiteLinks {
  readonly url: string;
  readonly port: number;
  /** Messages that were thrown away because their sender may not publish there. */
  deniedCount(): number;
  /** Connections whose login was good. */
  clientCount(): number;
  close(): Promise<void>;
}

/** Nobody can subscribe to this: what is sent here is gone. */
const SINK_TOPIC = '$pilegate/denied';
const BAD_USER_NAME_OR_PASSWORD = 4;

const closed = (client: Client): Promise<void> => new Promise((resolve) => client.close(() => resolve()));

function loginError(): AuthenticateError {
  return Object.assign(new Error('unknown user or wrong password'), { returnCode: BAD_USER_NAME_OR_PASSWORD });
}

/** The broker of a cloud that runs in one process: MQTT 3.1.1 on loopback, every client with its own credential. */
export async function startEmbeddedBroker(options: {
  readonly port: number;
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  /** A site has sent to a topic that is not its own; the message is thrown away. */
  readonly onDenied: (siteId: string, topic: string) => void;
}): Promise<EmbeddedBroker> {
  const { logger } = options;
  const identities = new WeakMap<Client, BrokerIdentity>();
  const warned = new WeakSet<Client>();
  const clients = new Set<Client>();
  let denied = 0;
  let cuts = 0;

  const broker = await Aedes.createBroker({
    authenticate: (client, username, password, done) => {
      const cutsBefore = cuts;
      options.authenticate(username ?? '', password?.toString('utf8') ?? '').then(
        (identity) => {
          // Links were cut while this one was being looked at: what was read of it may be no longer true.
          const isOld = identity?.role === 'site' && cuts !== cutsBefore;
          if (identity === null || isOld || !mayUseClientId(identity, client.id)) {
            logger.warn({ clientId: client.id, username }, 'broker login is refused');
            return done(loginError(), false);
          }
          identities.set(client, identity);
          // The broker tells of the end of those alone that were let in to the last step; a socket always tells of its own.
          if (!client.conn.destroyed) {
            clients.add(client);
            client.conn.once('close', () => clients.delete(client));
          }
          done(null, true);
        },
        (error: unknown) => {
          logger.error({ err: error, username }, 'broker login cannot be checked');
          done(loginError(), false);
        },
      );
    },
    // An error here would close the socket, and the client would send the same message again for ever.
    // So the message is taken, and thrown away.
    authorizePublish: (client, packet, done) => {
      const identity = client === null ? undefined : identities.get(client);
      if (client === null || (identity !== undefined && mayPublish(identity, packet.topic))) return done(null);
      denied += 1;
      if (identity?.role === 'site') options.onDenied(identity.siteId, packet.topic);
      if (!warned.has(client)) {
        warned.add(client);
        logger.warn({ clientId: client.id, topic: packet.topic }, 'message to a forbidden topic is thrown away');
      }
      packet.topic = SINK_TOPIC;
      packet.payload = '';
      packet.retain = false;
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const identity = identities.get(client);
      const allowed = identity !== undefined && maySubscribe(identity, subscription.topic);
      if (!allowed) logger.warn({ clientId: client.id, topic: subscription.topic }, 'subscription is refused');
      done(null, allowed ? subscription : null);
    },
  });

  const sockets = new Set<Socket>();
  // Small packets in both directions: waiting to fill a segment would cost 40 ms at every turn.
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the broker has no port');
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    port: address.port,
    deniedCount: () => denied,
    clientCount: () => clients.size,
    async cut(siteId, keepFingerprint) {
      cuts += 1;
      const others = [...clients].filter((client) => {
        const identity = identities.get(client);
        return identity?.role === 'site' && identity.siteId === siteId && identity.fingerprint !== keepFingerprint;
      });
      await Promise.all(others.map((client) => closed(client)));
      return true;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
