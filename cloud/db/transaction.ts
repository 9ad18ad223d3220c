import { sql, type Transaction } from 'kysely';
import type { Db } from './connect.ts';
import { isOutdatedPlan } from './preparing-client.ts';
import type { Database } from './schema.ts';

export type Trx = Transaction<Database>;

const lastWords = new WeakMap<Db, (trx: Trx) => Promise<void>>();
const whenStored = new WeakMap<Trx, (() => void)[]>();

interface LastStep {
  readonly key: string;
  readonly run: () => Promise<void>;
}
const lastSteps = new WeakMap<Trx, LastStep[]>();

/** Runs `work` in one transaction: all of it is stored, or nothing. */
export const transaction = <Value>(db: Db, work: (trx: Trx) => Promise<Value>): Promise<Value> =>
  withActs((acts) =>
    db.transaction().execute(async (trx) => {
      const steps: LastStep[] = [];
      lastSteps.set(trx, steps);
      whenStored.set(trx, acts);
      const value = await work(trx);
      for (const { run } of steps.sort((one, other) => (one.key < other.key ? -1 : 1))) await run();
      await lastWords.get(db)?.(trx);
      return value;
    }),
  );

async function withActs<Value>(execute: (acts: (() => void)[]) => Promise<Value>): Promise<Value> {
  const acts: (() => void)[] = [];
  const value = await execute(acts);
  for (const act of acts) act();
  return value;
}

/** Does something as soon as `trx` is committed: what is undone, or its savepoint, does it never. For counting, and not for work. */
export const onceStored = (trx: Trx, act: () => void): void => void whenStored.get(trx)?.push(act);

/**
 * Puts off a step to the end of the transaction, steps in the order of their keys: what many want to lock is locked briefly, and in one
 * order. What a savepoint undoes has no step.
 */
export function atEnd(trx: Trx, key: string, run: () => Promise<void>): void {
  const steps = lastSteps.get(trx);
  if (steps === undefined) throw new Error('this transaction has no end');
  steps.push({ key, run });
}

/** The same database, of which every `transaction` ends with `last`: what it writes is stored with the rest, or not at all. */
export function endingWith(db: Db, last: (trx: Trx) => Promise<void>): Db {
  const same: Db = db.$extendTables<Record<never, never>>();
  lastWords.set(same, last);
  return same;
}

/** Runs `work` so that its failure undoes only its own writes and the transaction can go on. Rethrows the failure. */
export async function savepoint<Value>(trx: Trx, work: () => Promise<Value>): Promise<Value> {
  const acts = whenStored.get(trx) ?? [];
  const steps = lastSteps.get(trx) ?? [];
  const before = { acts: acts.length, steps: steps.length };
  await sql`savepoint one_step`.execute(trx);
  try {
    const value = await work();
    await sql`release savepoint one_step`.execute(trx);
    return value;
  } catch (error) {
    acts.length = before.acts;
    steps.length = before.steps;
    await sql`rollback to savepoint one_step`.execute(trx);
    await sql`release savepoint one_step`.execute(trx);
    throw error;
  }
}

function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const { code } = error;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** True when the same row exists already (SQLSTATE 23505). */
export const isUniqueViolation = (error: unknown): boolean => sqlStateOf(error) === '23505';

/** SQLSTATE classes that say "not now": connection, rollback by the server, resources, shutdown, system. */
const TRANSIENT_CLASSES = new Set(['08', '25', '40', '53', '55', '57', '58']);

/** What the client library says of a connection that is lost, without any code. */
const CONNECTION_LOST = /^(Connection terminated|Client has encountered a connection error|Client was closed)/;

/** True when the statement may succeed if it is tried again as it is; false when it never will. */
export function isTransient(error: unknown): boolean {
  if (isOutdatedPlan(error)) return true;
  const state = sqlStateOf(error);
  if (state !== null) return TRANSIENT_CLASSES.has(state.slice(0, 2));
  if (!(error instanceof Error)) return false;
  return 'code' in error ? /^E[A-Z]+$/.test(String(error.code)) : CONNECTION_LOST.test(error.message);
}
