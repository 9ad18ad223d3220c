import { sql } from 'kysely';
import pg from 'pg';
import type { Timers } from '#shared/clock.ts';
import type { Wake } from '../context.ts';
import type { Db } from '../db/connect.ts';

const CHANNEL = 'pilegate_wake';
const jobs = ['commands', 'deliveries', 'alerts'] as const satisfies readonly (keyof Wake)[];
/** Calls that come faster are one: each is a commit of the database. */
const APART_MS = 10;
const LISTEN_AGAIN_MS = 1_000;

/** The jobs of a process, as far as it has them yet. */
type OwnJobs = Partial<Readonly<Record<keyof Wake, { wake(): void }>>>;

/** Wakes the job of this process, or where it has none, those of others. */
export function wakeWherever(own: OwnJobs, db: Db, timers: Timers): Wake {
  const wakeOne = (job: keyof Wake): (() => void) => {
    const call = createWakeCall(db, timers, job);
    return () => (own[job] === undefined ? call() : own[job].wake());
  };
  return { commands: wakeOne('commands'), deliveries: wakeOne('deliveries'), alerts: wakeOne('alerts') };
}

/**
 * Tells the processes that have a job that there may be work for it. One that does not hear it finds the work by itself before long, so a
 * call that fails is nobody's loss.
 */
export function createWakeCall(db: Db, timers: Timers, job: keyof Wake): () => void {
  let isResting = false;
  let again = false;
  const call = (): void => {
    again = isResting;
    if (isResting) return;
    isResting = true;
    void sql`select pg_notify(${CHANNEL}, ${job})`
      .execute(db)
      .catch(() => undefined)
      .finally(() =>
        timers.after(APART_MS, () => {
          isResting = false;
          if (again) call();
        }),
      );
  };
  return call;
}

/** Hears such calls on a connection of its own, which is made again when it is lost. What was called meanwhile counts as heard. */
export function listenForWakes(url: string, timers: Timers, own: OwnJobs): { stop(): Promise<void> } {
  let client: pg.Client | null = null;
  let isStopped = false;
  let cancelTimer = (): void => {};
  const listen = async (): Promise<void> => {
    const opened = new pg.Client({ connectionString: url, keepAlive: true });
    client = opened;
    const again = (): void => {
      if (isStopped || client !== opened) return;
      client = null;
      cancelTimer = timers.after(LISTEN_AGAIN_MS, () => void listen());
    };
    opened.on('error', again);
    opened.on('end', again);
    opened.on('notification', ({ payload }) => {
      for (const job of jobs) if (job === payload) own[job]?.wake();
    });
    try {
      await opened.connect();
      await opened.query(`listen ${CHANNEL}`);
      for (const job of jobs) own[job]?.wake();
    } catch {
      again();
    }
  };
  void listen();
  return {
    async stop() {
      isStopped = true;
      cancelTimer();
      await client?.end().catch(() => undefined);
    },
  };
}
