import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import type { Clock } from '#shared/clock.ts';
import type { CloudConfig } from '../config.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { systemRandom } from '../random.ts';
import { startCloud } from '../start-cloud.ts';
import { systemTimers } from '../system-timers.ts';
import type { LookUp } from '../webhooks/address-guard.ts';
import { complaintsAboutEvents } from './sent-events.ts';
import { machineClock } from './test-clock.ts';
import { testConfig } from './test-config.ts';
import { openTestDatabase } from './test-database.ts';

export interface TestCloudOptions {
  /** Default: the machine's time. */
  readonly clock?: Clock;
  readonly config?: Partial<CloudConfig>;
  /** Default: no name resolves. */
  readonly lookUp?: LookUp;
  readonly logger?: Logger;
  /** Open and migrated; default: PGlite in memory. Closed by `stop`. */
  readonly db?: Db;
  /** What its database was sealed with; default: a new one. */
  readonly masterKey?: Buffer;
}

export interface TestCloud {
  readonly httpUrl: string;
  readonly brokerUrl: string;
  readonly staffToken: string;
  /** Where metrics are told, if anywhere. */
  readonly metricsUrl: string | null;
  readonly app: FastifyInstance;
  readonly context: CloudContext;
  readonly clock: Clock;
  /** @throws Error when a webhook was other than its schema says */
  stop(): Promise<void>;
}

/** A whole cloud in this process: HTTP and embedded broker on free ports, database and keys in memory. */
export async function startTestCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const clock = options.clock ?? machineClock;
  const staffToken = 'staff-token-of-this-test';
  const cloud = await startCloud(
    { ...testConfig, ...options.config },
    {
      clock,
      timers: systemTimers,
      random: systemRandom,
      logger: options.logger ?? pino({ level: 'silent' }),
      lookUp: options.lookUp ?? (() => Promise.resolve([])),
      keys: { masterKey: options.masterKey ?? systemRandom.bytes(32), staffToken },
      db: options.db ?? (await openTestDatabase()),
    },
  );
  if (cloud.app === null || cloud.httpUrl === null || cloud.brokerUrl === null) throw new Error('not the role "all"');
  const { app, httpUrl, brokerUrl, metricsUrl, context, stop } = cloud;
  return {
    httpUrl,
    brokerUrl,
    metricsUrl,
    staffToken,
    app,
    context,
    clock,
    async stop() {
      const complaints = options.db === undefined ? await complaintsAboutEvents(context.db) : [];
      await stop();
      if (complaints.length > 0) throw new Error(`webhooks do not fit what is said of them: ${complaints.join('\n')}`);
    },
  };
}
