import { sql } from 'kysely';
import type { Db } from '../../db/connect.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { planShards, type ShardsSeen } from './plan.ts';

/** Any fixed number: the first half of the names of the locks that this file takes, the shard being the second. */
export const SHARD_LOCKS = 7_145_302;

export interface LeaseHolder {
  readonly processId: string;
  readonly leaseMs: number;
}

export interface LeaseRound {
  /** What this process has for `leaseMs` from the round on, what it is giving back included. */
  readonly held: readonly number[];
  readonly giveBack: readonly number[];
  /** When the next lease of another process runs out unless it is renewed; null without one. */
  readonly othersEndInMs: number | null;
}

/**
 * The shards that a process has by the database's time, as a subquery. Ask with `= any (array(…))`: then it is looked up once, and not
 * the rows of the other table once for each shard.
 */
export const shardsOf = (processId: string) => sql<number>`
  select shard from ingest_shards where owner = ${processId} and leased_until > clock_timestamp()`;

const inMs = (ms: number) => sql`clock_timestamp() + ${ms}::float8 * interval '1 millisecond'`;

/**
 * One round of a process: says that it is alive, renews what it has, takes what falls to it, and tells what it should
 * give back. A lease that has run out is as good as before if nobody has taken it meanwhile.
 */
export function keepLeases(db: Db, holder: LeaseHolder, leaving: ReadonlySet<number>): Promise<LeaseRound> {
  return transaction(db, async (trx) => {
    await sayAlive(trx, holder);
    await sql`update ingest_shards set leased_until = ${inMs(holder.leaseMs)}
      where owner = ${holder.processId}`.execute(trx);
    const { seen, othersEndInMs } = await look(trx, holder.processId, leaving);
    const { take, giveBack } = planShards(seen);
    const taken = take.length === 0 ? [] : await takeFree(trx, holder, take);
    const held = seen.owners.flatMap((owner, shard) => (owner === holder.processId ? [shard] : []));
    return { held: [...held, ...taken].sort((a, b) => a - b), giveBack, othersEndInMs };
  });
}

async function sayAlive(trx: Trx, { processId, leaseMs }: LeaseHolder): Promise<void> {
  await sql`insert into ingest_processes (process_id, alive_until) values (${processId}, ${inMs(leaseMs)})
    on conflict (process_id) do update set alive_until = excluded.alive_until`.execute(trx);
  await sql`delete from ingest_processes where process_id in (
    select process_id from ingest_processes where alive_until <= clock_timestamp() for update skip locked)`.execute(
    trx,
  );
}

async function look(
  trx: Trx,
  processId: string,
  leaving: ReadonlySet<number>,
): Promise<{ seen: ShardsSeen; othersEndInMs: number | null }> {
  const processes = await sql<{ process_id: string }>`
    select process_id from ingest_processes where alive_until > clock_timestamp()`.execute(trx);
  const shards = await sql<{ owner: string | null; left_ms: number }>`
    select owner, ceil(extract(epoch from leased_until - now) * 1000)::float8 as left_ms
    from (select shard, leased_until, clock_timestamp() as now,
        case when leased_until > clock_timestamp() then owner end as owner from ingest_shards) as shards
    order by shard`.execute(trx);
  const others = shards.rows.filter(({ owner }) => owner !== null && owner !== processId);
  return {
    seen: {
      processId,
      alive: processes.rows.map((row) => row.process_id),
      owners: shards.rows.map((row) => row.owner),
      leaving,
    },
    othersEndInMs: others.length === 0 ? null : Math.min(...others.map((row) => row.left_ms)),
  };
}

/** Takes those that are free still, and in which no transaction of their last owner is under way. */
async function takeFree(trx: Trx, { processId, leaseMs }: LeaseHolder, shards: readonly number[]): Promise<number[]> {
  const locked = await sql<{ shard: number; locked: boolean }>`
    select shard, pg_try_advisory_xact_lock(${SHARD_LOCKS}, shard) as locked
    from unnest(${[...shards]}::int[]) as shard`.execute(trx);
  const mine = locked.rows.flatMap((row) => (row.locked ? [row.shard] : []));
  const taken = await sql<{ shard: number }>`
    update ingest_shards set owner = ${processId}, leased_until = ${inMs(leaseMs)}
    where shard in (select shard from ingest_shards where shard = any(${mine}::int[])
        and (owner is null or leased_until <= clock_timestamp()) for update skip locked)
    returning shard`.execute(trx);
  return taken.rows.map((row) => row.shard);
}

/** Gives shards back, so that another process can take them at once. */
export async function releaseShards(db: Db, processId: string, shards: readonly number[]): Promise<void> {
  await sql`update ingest_shards set owner = null where owner = ${processId} and shard = any(${[...shards]}::int[])`.execute(
    db,
  );
}

/** This process takes no more shards: the others count without it from now on. */
export async function leaveProcesses(db: Db, processId: string): Promise<void> {
  await sql`delete from ingest_processes where process_id = ${processId}`.execute(db);
}

/** Forgets every lease. Only for a process that knows that no other works on this database. */
export const forgetLeases = (db: Db): Promise<void> =>
  transaction(db, async (trx) => {
    await sql`delete from ingest_processes`.execute(trx);
    await sql`update ingest_shards set owner = null`.execute(trx);
  });

export interface LeaseStanding {
  /** Whether the process is known to be alive: its leases are live as well. */
  readonly isAlive: boolean;
  readonly own: number;
  /** How many shards have a live owner, whoever that is. */
  readonly leased: number;
}

/** How it stands with the shards by the database's time. */
export async function leaseStanding(db: Db, processId: string): Promise<LeaseStanding> {
  const found = await sql<LeaseStanding>`select
      exists (select from ingest_processes where process_id = ${processId} and alive_until > clock_timestamp()) as "isAlive",
      count(*) filter (where owner = ${processId})::int as own,
      count(*)::int as leased
    from ingest_shards where owner is not null and leased_until > clock_timestamp()`.execute(db);
  return found.rows[0] ?? { isAlive: false, own: 0, leased: 0 };
}
