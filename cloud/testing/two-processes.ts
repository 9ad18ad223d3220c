import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { pino } from 'pino';
import type { Clock } from '#shared/clock.ts';
import { buildApp } from '../app.ts';
import { connect } from '../db/connect.ts';
import { machineClock } from './test-clock.ts';
import { startTestCloud, type TestCloud } from './test-cloud.ts';

export interface TwoProcesses {
  readonly cloud: TestCloud;
  /** The API of another process. */
  readonly second: FastifyInstance;
  stop(): Promise<void>;
}

/**
 * A cloud, and a second process of its API: they share keys, and the database by connections of their own.
 *
 * @param postgresqlUrl of the server of the tests
 */
export async function startTwoProcesses(
  postgresqlUrl: string | undefined,
  clock: Clock = machineClock,
): Promise<TwoProcesses> {
  const cloud = await startTestCloud({ clock });
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(cloud.context.db);
  const url = new URL(postgresqlUrl ?? '');
  url.pathname = `/${rows[0]?.name}`;
  const db = await connect({ engine: 'postgresql', url: url.href }, () => undefined);
  const second = await buildApp({
    context: { ...cloud.context, db, logger: pino({ level: 'silent' }) },
    staffToken: cloud.staffToken,
    publicUrl: null,
    readiness: () => Promise.reject(new Error('not asked here')),
  });
  return {
    cloud,
    second,
    async stop() {
      await second.close();
      await db.destroy();
      await cloud.stop();
    },
  };
}
