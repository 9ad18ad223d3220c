import { Kysely, PGliteDialect } from 'kysely';
import type { Db } from '../../cloud/db/connect.ts';
import type { Database } from '../../cloud/db/schema.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import type { PreparedDatabase, Query } from './prepared-database.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** How the database is doing, as one process sees it. */
export interface DatabaseWeather {
  /** The commit fails and nothing of it is stored. */
  failBeforeP: number;
  /** It is stored, and the connection breaks before the answer. */
  failAfterP: number;
  /** What the next transaction meets at its end. */
  next: 'fails-before' | 'fails-after' | null;
  /** A statement takes its time. */
  slowP: number;
  slowMs: number;
}

export const goodWeather = (): DatabaseWeather => ({
  failBeforeP: 0,
  failAfterP: 0,
  next: null,
  slowP: 0.05,
  slowMs: 20,
});

/** When nothing in particular is wrong. */
export const usualWeather = (): DatabaseWeather => ({ ...goodWeather(), failBeforeP: 0.002, failAfterP: 0.002 });

/** As PostgreSQL says it when it is shut down under a connection, and as the driver does when the connection breaks. */
class DatabaseGone extends Error {
  readonly code: string;

  constructor(code: '57P01' | '08006') {
    super(`the database has gone (${code})`);
    this.code = code;
  }
}

type Parts = {
  readonly database: PreparedDatabase;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly life: Life;
  readonly weather: DatabaseWeather;
  readonly trace: Trace;
  readonly onOpen: (count: 1 | -1) => void;
};

/**
 * The database of one process of the cloud: real SQL in PGlite, which takes simulated time, fails before a commit or after it,
 * and rolls back what the process leaves open when it ends.
 */
export function fragileDatabase(parts: Parts): Db {
  const { database, scheduler, dice, life, weather, trace, onOpen } = parts;
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      scheduler.after(ms, () => life.isOver || resolve());
    });
  const slowly = async (): Promise<void> => {
    if (dice.chance(weather.slowP)) await pause(dice.between(1, weather.slowMs));
  };
  // The database's own time is the simulated one.
  const timed =
    (ask: Query): Query =>
    (sql, values = []) => {
      const own = sql.replaceAll('clock_timestamp()', `to_timestamp($${values.length + 1}::float8)`);
      return ask(own, own === sql ? values : [...values, scheduler.nowMs / 1000]);
    };
  /** Whether what was ordered for the end of the next transaction is this. */
  const isNext = (end: DatabaseWeather['next']): boolean => {
    if (weather.next !== end) return false;
    weather.next = null;
    return true;
  };
  const failsAfter = (isOrdered = false): void => {
    if (!isOrdered && !dice.chance(weather.failAfterP)) return;
    trace.note('database', 'breaks off after a commit');
    throw new DatabaseGone('08006');
  };
  const failsBefore = (isOrdered = false): void => {
    if (!isOrdered && !dice.chance(weather.failBeforeP)) return;
    trace.note('database', 'fails a commit');
    throw new DatabaseGone('57P01');
  };
  const query: Query = async (sql, values) => {
    await life.guard(slowly());
    failsBefore();
    const result = await life.guard(timed(database.query)(sql, values));
    failsAfter();
    return result;
  };
  const breakOff = new Set<(error: Error) => void>();
  life.onEnd(() => {
    for (const reject of breakOff) reject(new DatabaseGone('08006'));
  });
  const inTransaction = async <Value>(work: (trx: { query: Query }) => Promise<Value>): Promise<Value> => {
    // A process that has ended begins none: nobody would end it.
    if (life.isOver) return new Promise(() => {});
    onOpen(1);
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    breakOff.add(ended.reject);
    try {
      return await database.transaction(async (ask) => {
        const own: Query = async (sql, values) => {
          await slowly();
          return life.guard(timed(ask)(sql, values));
        };
        const value = await Promise.race([work({ query: own }), ended.promise]);
        await Promise.race([pause(dice.between(1, 10)), ended.promise]);
        failsBefore(isNext('fails-before'));
        return value;
      });
    } finally {
      breakOff.delete(ended.reject);
      onOpen(-1);
    }
  };
  const transaction = async <Value>(work: (trx: { query: Query }) => Promise<Value>): Promise<Value> => {
    const value = await life.guard(inTransaction(work));
    await pause(dice.between(1, 5));
    failsAfter(isNext('fails-after'));
    return value;
  };
  const engine = {
    query,
    transaction,
    closed: false,
    ready: true,
    waitReady: Promise.resolve(),
    close: async () => {},
  };
  return new Kysely<Database>({ dialect: new PGliteDialect({ pglite: engine as never }) });
}
