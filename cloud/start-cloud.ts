import type { FastifyInstance } from 'fastify';
import { type Alerting, startAlerts } from './alerts/start-alerts.ts';
import { buildApp } from './app.ts';
import { type EmbeddedBroker, startEmbeddedBroker } from './broker/embedded.ts';
import type { MosquittoLinks } from './broker/mosquitto-links.ts';
import { createAuthenticate } from './broker/site-credentials.ts';
import { type BrokerTls, readTlsFolder } from './broker/tls-folder.ts';
import type { CloudConfig } from './config.ts';
import type { CloudContext } from './context.ts';
import { type CloudWorld, createContext } from './create-context.ts';
import { poolOf } from './db/connect.ts';
import { buildHealthApp } from './http/health-app.ts';
import { type BrokerLogin, type ShardTerms, startIngest } from './ingest/start-ingest.ts';
import { startCommandSender, startDeliveries, startSweepers, startUsage } from './jobs.ts';
import { ensureDocumentKey } from './keys/document-keys.ts';
import { startMetrics } from './metrics/start-metrics.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import { type Poller, startPoller } from './runtime/poller.ts';
import { listenForWakes, wakeWherever } from './runtime/wake-others.ts';
import type { Authority } from './sites/authority.ts';
import { type CredentialIssuer, noIssuer } from './sites/issuer.ts';
import type { SiteLinks } from './sites/site-links.ts';
import { createDeliveryWorker } from './webhooks/delivery-worker.ts';
import { createWebhookPoster } from './webhooks/post.ts';

/** A process may end certificates and have no authority's key to sign the list with: another one sees that. */
const LOOK_FOR_ENDS_MS = 30_000;

export interface RunningCloud {
  readonly httpUrl: string | null;
  readonly brokerUrl: string | null;
  /** Null: metrics are told nowhere. */
  readonly metricsUrl: string | null;
  readonly context: CloudContext;
  readonly app: FastifyInstance | null;
  /** Takes no more requests, finishes what is under way, closes. */
  stop(): Promise<void>;
}

/** Starts the roles that the configuration names, and returns when they are ready. */
export async function startCloud(config: CloudConfig, world: CloudWorld): Promise<RunningCloud> {
  const has = (role: 'api' | 'ingest' | 'worker'): boolean => config.role === 'all' || config.role === role;
  const pollers: Pollers = {};
  const tls = config.brokerTlsDir === null ? null : await readTlsFolder(config.brokerTlsDir);
  const links: { own: SiteLinks | null; refresh: () => void } = { own: null, refresh: () => {} };
  const context = createContext(
    config,
    world,
    wakeWherever(pollers, world.db, world.timers),
    { cut: async (siteId, keepFingerprint) => (await links.own?.cut(siteId, keepFingerprint)) ?? false },
    tls === null ? undefined : await issuerOf(config, world, tls),
  );
  const stops: (() => Promise<void>)[] = [() => world.db.destroy(), () => context.intrusions.idle()];
  await ensureDocumentKey(context);
  const broker = config.brokerUrl === null ? await startOwnBroker(config, context) : null;
  if (broker !== null) {
    links.own = broker.embedded;
    stops.push(() => broker.embedded.close());
  }
  const login = loginOf(config, broker, tls);
  if (broker === null && tls?.authority) {
    const { own, lists } = await linksOfMosquitto(config, context, login, { ...tls, authority: tls.authority });
    links.own = own;
    links.refresh = () => {
      own.forget();
      lists.wake();
    };
    stops.push(() => lists.stop());
  }
  const ingest = has('ingest')
    ? startIngest(context, { ...login, onUp: () => links.refresh() }, termsOf(config))
    : null;
  if (ingest !== null) {
    stops.push(() => ingest.stop());
    const sender = startCommandSender(context, ingest.link, ingest.down);
    pollers.commands = sender;
    stops.push(() => sender.stop());
  }
  if (has('worker')) startWorker(context, pollers, stops);
  if (config.databaseUrl !== null && (has('ingest') || has('worker'))) {
    const listener = listenForWakes(config.databaseUrl, world.timers, pollers);
    stops.push(() => listener.stop());
  }
  const metrics =
    config.metrics === null
      ? null
      : await startMetrics(context, config.metrics, has('worker'), {
          dataDir: config.dataDir,
          pool: () => poolOf(world.db),
          slow: world.slowStatements ?? null,
          broker:
            ingest === null
              ? null
              : () => ({ brokerProven: ingest.link.isProven(), shardsHeard: ingest.link.heardCount() }),
        });
  if (metrics !== null) stops.push(() => metrics.close());
  const readiness = () => readinessOf(context, ingest);
  const app = has('api') ? await startApi(config, world, context, readiness) : await startHealth(config, readiness);
  if (app !== null) {
    const usage = startUsage(context);
    stops.push(async () => {
      await app.close();
      await usage.stop();
      await context.keyUsage.flush();
    });
  }
  await ingest?.whenReady();
  return {
    httpUrl: app === null ? null : urlOf(app),
    brokerUrl: broker?.embedded.url ?? withoutLogin(config.brokerUrl),
    metricsUrl: metrics?.url ?? null,
    context,
    app,
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

/** Of an embedded database its data folder's lock says that nobody else is at work on it. */
const termsOf = (config: CloudConfig): ShardTerms => ({
  leaseMs: config.ingestLeaseMs,
  isAlone: config.databaseUrl === null,
});

interface OwnBroker {
  readonly embedded: EmbeddedBroker;
  readonly login: BrokerLogin;
}

async function startOwnBroker(config: CloudConfig, context: CloudContext): Promise<OwnBroker> {
  // Longer than a site id can be and not in its alphabet, so no site can have this name.
  const username = `$cloud-${context.random.uuid()}`;
  const password = context.random.bytes(32).toString('base64url');
  const embedded = await startEmbeddedBroker({
    port: config.mqttPort,
    authenticate: createAuthenticate(context, { username, password }),
    logger: context.logger,
    onDenied: (siteId, topic) => context.intrusions.note({ siteId, code: 'foreign-topic', detail: topic }),
  });
  return { embedded, login: { url: embedded.url, username, password } };
}

function loginOf(config: CloudConfig, broker: OwnBroker | null, tls: BrokerTls | null): BrokerLogin {
  if (broker !== null) return broker.login;
  if (config.brokerUrl === null) throw new Error('neither an own broker nor one by URL');
  return { url: config.brokerUrl, ...(tls === null ? {} : { tls: tls.client }) };
}

/** Without the authority's key this process refuses what it cannot give. */
async function issuerOf(config: CloudConfig, world: CloudWorld, { authority }: BrokerTls): Promise<CredentialIssuer> {
  if (authority === null) return noIssuer('certificate', 'this process has no key of the authority');
  const { certificateIssuer } = await import('./sites/certificate-issuer.ts');
  return certificateIssuer(authority, config.credentialLifetimeMs, world.random.bytes);
}

/** The broker begins with the list as it is now, and gets it again whenever it has been away or certificates have ended, and every day. */
async function linksOfMosquitto(
  { brokerPidFile: pidFile }: CloudConfig,
  context: CloudContext,
  login: BrokerLogin,
  { authority, revokedFile }: { readonly authority: Authority; readonly revokedFile: string },
): Promise<{ own: MosquittoLinks; lists: Poller }> {
  const { mosquittoLinks } = await import('./broker/mosquitto-links.ts');
  const { writeRevokedFile } = await import('./broker/revoked-file.ts');
  await writeRevokedFile(context, authority, revokedFile);
  const own = mosquittoLinks(context, login, { authority, revokedFile, pidFile });
  const { timers, logger } = context;
  const run = () => own.refresh();
  return {
    own,
    lists: startPoller({ name: 'hand over the revocation list', intervalMs: LOOK_FOR_ENDS_MS, timers, logger, run }),
  };
}

interface Pollers {
  commands?: Poller;
  deliveries?: Poller;
  alerts?: Alerting;
}

function startWorker(context: CloudContext, pollers: Pollers, stops: (() => Promise<void>)[]): void {
  const poster = createWebhookPoster({ lookUp: context.lookUp, devAllow: context.settings.webhookDevAllow });
  const worker = createDeliveryWorker(context, poster);
  const deliveries = startDeliveries(context, worker);
  pollers.deliveries = deliveries;
  const alerts = startAlerts(context, poster);
  pollers.alerts = alerts;
  const sweepers = startSweepers(context);
  stops.push(async () => {
    await Promise.all([deliveries, ...alerts.pollers].map((poller) => poller.stop()));
    await poster.close();
    await Promise.all([worker.idle(), alerts.worker.idle()]);
    await Promise.all(sweepers.map((sweeper) => sweeper.stop()));
  });
}

async function startApi(
  config: CloudConfig,
  world: CloudWorld,
  context: CloudContext,
  readiness: () => Promise<Readiness>,
): Promise<FastifyInstance> {
  const app = await buildApp({
    context,
    staffToken: world.keys.staffToken,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
    readiness,
  });
  await app.listen({ host: config.httpHost, port: config.httpPort });
  return app;
}

async function startHealth(config: CloudConfig, readiness: () => Promise<Readiness>): Promise<FastifyInstance | null> {
  if (config.healthPort === null) return null;
  const app = await buildHealthApp(readiness);
  await app.listen({ host: config.httpHost, port: config.healthPort });
  return app;
}

function urlOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

function withoutLogin(brokerUrl: string | null): string | null {
  if (brokerUrl === null) return null;
  const url = new URL(brokerUrl);
  url.username = '';
  url.password = '';
  return url.href.replace(/\/$/, '');
}
