import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pino } from 'pino';
import { keepBuffersApart } from '#shared/buffer-memory.ts';
import { errorCatalogue, isPilegateError } from '#shared/errors.ts';
import { type CloudConfig, readConfig } from './config.ts';
import { lockDataFolder } from './data-lock.ts';
import { connect, type Db } from './db/connect.ts';
import { migrate, readMigrations } from './db/migrate.ts';
import { loadKeyFiles } from './keys/key-files.ts';
import { type SlowStatements, watchSlowStatements } from './metrics/slow-statements.ts';
import { systemRandom } from './random.ts';
import { startCloud } from './start-cloud.ts';
import { systemTimers } from './system-timers.ts';
import { createLookUp } from './webhooks/look-up.ts';

const SHUTDOWN_LIMIT_MS = 4_500;
/** Longer than any statement takes. */
const DATABASE_SILENCE_MS = 30_000;
const clock = { wallMs: () => Date.now(), monoMs: () => Math.round(performance.now()) };

async function run(config: CloudConfig): Promise<void> {
  keepBuffersApart();
  const logger = pino({ level: config.logLevel, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  if (config.webhookDevAllow.length > 0) {
    logger.warn(
      { allow: config.webhookDevAllow },
      'webhooks may reach these addresses over http: for development only',
    );
  }
  if (config.databaseUrl === null) await lockDataFolder(config.dataDir);
  const keys = await loadKeyFiles(config.dataDir, systemRandom.bytes);
  const slowStatements = watchSlowStatements({ logger, clock }, config.slowStatementMs);
  const onLost = (error: Error) => logger.warn({ err: error }, 'database connection is lost');
  const db = await openDatabase(config, onLost, slowStatements);
  const cloud = await startCloud(config, {
    clock,
    timers: systemTimers,
    random: systemRandom,
    logger,
    lookUp: createLookUp(),
    keys,
    db,
    slowStatements,
  });

  let stopping = false;
  const shutDown = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'cloud stops');
    // Whatever is not finished by then is found again in the database at the next start.
    systemTimers.after(SHUTDOWN_LIMIT_MS, () => process.exit(0));
    cloud.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'cloud does not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', shutDown);
  process.on('SIGINT', shutDown);
  const urls = { httpUrl: cloud.httpUrl, brokerUrl: cloud.brokerUrl, metricsUrl: cloud.metricsUrl };
  process.stdout.write(`${JSON.stringify({ ready: true, ...urls })}\n`);
  logger.info({ role: config.role, ...urls }, 'cloud is ready');
}

async function openDatabase(
  config: CloudConfig,
  onLost: (error: Error) => void,
  { look }: Pick<SlowStatements, 'look'>,
): Promise<Db> {
  const { databaseUrl: url, ingestLeaseMs: idleInTransactionMs } = config;
  const migrateTo = async (db: Db) =>
    migrate(db, await readMigrations(join(import.meta.dirname, 'db', 'migrations')), clock.wallMs());
  if (url === null) {
    const db = await connect({ engine: 'pglite', folder: join(config.dataDir, 'db') }, onLost, look);
    await migrateTo(db);
    return db;
  }
  const location = { engine: 'postgresql', url, idleInTransactionMs } as const;
  // A migration, or the wait for somebody else's, may take as long as it needs.
  const patient = await connect(location, onLost);
  await migrateTo(patient).finally(() => patient.destroy());
  return connect({ ...location, silenceMs: DATABASE_SILENCE_MS }, onLost, look);
}

/** What a person can do about a start that fails for a reason outside. */
const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use: change PILEGATE_HTTP_PORT, PILEGATE_MQTT_PORT or PILEGATE_METRICS_PORT',
  ECONNREFUSED: 'nothing answers there: check DATABASE_URL and BROKER_URL',
  ENOTFOUND: 'no such host: check DATABASE_URL and BROKER_URL',
};

function explain(error: unknown): { detail: string; whatToDo: string | null } {
  if (isPilegateError(error)) return { detail: error.message, whatToDo: errorCatalogue[error.code].doEn };
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const detail = error instanceof Error ? error.message : String(error);
  const whatToDo = hints[code] ?? null;
  return { detail: whatToDo === null && error instanceof Error ? (error.stack ?? detail) : detail, whatToDo };
}

try {
  await run(readConfig(process.env));
} catch (error) {
  process.stderr.write(`${JSON.stringify({ level: 60, msg: 'cloud cannot start', ...explain(error) })}\n`);
  process.exit(1);
}
