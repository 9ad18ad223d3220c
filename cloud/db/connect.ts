import { mkdir } from 'node:fs/promises';
import { Socket } from 'node:net';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, type KyselyConfig, PGliteDialect, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Asked } from '../metrics/slow-statements.ts';
import { INT8_OID, parseInt8 } from './int8.ts';
import { preparingClient } from './preparing-client.ts';
import type { Database } from './schema.ts';

export type Db = Kysely<Database>;

export type DatabaseLocation =
  | {
      readonly engine: 'postgresql';
      readonly url: string;
      /**
       * When the server ends a transaction that waits for its process: one that stands still must not keep for longer what
       * others wait for. Absent: never.
       */
      readonly idleInTransactionMs?: number;
      /**
       * After so long without a byte a connection that is in use counts as lost: a wire that brings nothing any more tells nobody.
       * Absent: it is waited for, as a migration needs it.
       */
      readonly silenceMs?: number;
    }
  | { readonly engine: 'pglite'; readonly folder: string }
  | { readonly engine: 'pglite-in-memory' };

const POOL_SIZE = 20;

/** Connections to the database, and how many ask for one in vain at this moment. */
export interface PoolFigures {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

const pools = new WeakMap<Db, pg.Pool>();

/** Null: the database is an embedded one, which has no connections. */
export function poolOf(db: Db): PoolFigures | null {
  const pool = pools.get(db);
  return pool === undefined ? null : { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
}

/** A socket that breaks when nothing has come or gone for so long. What is idle in the pool is closed sooner. */
function silentSocket(silenceMs: number): Socket {
  const socket = new Socket();
  const lost = () => Object.assign(new Error(`nothing came for ${silenceMs} ms`), { code: 'ETIMEDOUT' });
  return socket.setTimeout(silenceMs, () => socket.destroy(lost()));
}

/**
 * Opens the database. One SQL dialect and one reading of bigint, whichever engine answers.
 *
 * @param onLost hears of connections that the server has ended; whoever was using one gets an error of its own
 * @param onAsked hears of every statement, without its values, when it has its answer
 */
export async function connect(
  location: DatabaseLocation,
  onLost: (error: Error) => void,
  onAsked?: (asked: Asked) => void,
): Promise<Db> {
  const log: KyselyConfig['log'] = (event) =>
    onAsked?.({ statement: event.query.sql, durationMs: event.queryDurationMillis });
  if (location.engine === 'postgresql') {
    const types = new pg.TypeOverrides();
    types.setTypeParser(INT8_OID, parseInt8);
    const { url, idleInTransactionMs = 0, silenceMs = 0 } = location;
    const pool = new pg.Pool({
      connectionString: url,
      max: POOL_SIZE,
      Client: preparingClient(),
      types,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      ...(silenceMs === 0 ? {} : { stream: () => silentSocket(silenceMs) }),
    });
    // Where nobody listens, the loss of a connection ends the process: of an idle one, and of one in a transaction.
    pool.on('error', onLost);
    pool.on('connect', (client) => client.on('error', onLost));
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }), log });
    pools.set(db, pool);
    return db;
  }
  if (location.engine === 'pglite') await mkdir(location.folder, { recursive: true });
  const pglite = new PGlite({
    ...(location.engine === 'pglite' ? { dataDir: location.folder } : {}),
    parsers: { [INT8_OID]: parseInt8 },
  });
  await pglite.waitReady;
  return new Kysely<Database>({ dialect: new PGliteDialect({ pglite }), log });
}
