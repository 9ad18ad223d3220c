import { sql } from 'kysely';
import type { Clock } from '#shared/clock.ts';
import type { Db } from '../../db/connect.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { SHARD_LOCKS } from './leases.ts';

/** Another process has the shard, or may have it by now: what was under way for it is left to that one. */
export class ShardLostError extends Error {
  constructor(shard: number) {
    super(`this process has no live lease of shard ${shard}`);
    this.name = 'ShardLostError';
  }
}

/** The lease under which something was done. */
export interface Tenure {
  /** False as soon as it can have run out: then the answer is left to whoever has the shard. */
  isLive(): boolean;
}

export interface FenceContext {
  readonly processId: string;
  readonly clock: Pick<Clock, 'monoMs'>;
}

/**
 * Which of the shards this process has by the database's time, checked inside the transaction that is to write. Nobody else
 * can take one of them before that transaction is over. A shard that is not among the answers must not be written for.
 */
export async function confirmShards(
  { processId, clock }: FenceContext,
  trx: Trx,
  shards: readonly number[],
): Promise<ReadonlyMap<number, Tenure>> {
  const askedAtMs = clock.monoMs();
  // The lock comes first, which `case` guarantees: a lease that is live behind it cannot be taken over any more, even
  // where the row was read a moment before. Whoever takes a shard over has the lock for himself alone.
  const found = await sql<{ shard: number; left_ms: number | null }>`
    select shard, case when pg_try_advisory_xact_lock_shared(${SHARD_LOCKS}, shard)
      then extract(epoch from leased_until - clock_timestamp())::float8 * 1000 end as left_ms
    from ingest_shards where shard = any(${[...shards]}::int[]) and owner = ${processId}`.execute(trx);
  return new Map(
    found.rows.flatMap(({ shard, left_ms: leftMs }): [number, Tenure][] =>
      leftMs === null || leftMs <= 0 ? [] : [[shard, { isLive: () => clock.monoMs() - askedAtMs < leftMs }]],
    ),
  );
}

/**
 * Runs `work` in one transaction, under a live lease of the shard.
 *
 * @throws ShardLostError when there is none; nothing is written then
 */
export const inShard = <Value>(
  context: FenceContext & { readonly db: Db },
  shard: number,
  work: (trx: Trx) => Promise<Value>,
): Promise<{ readonly value: Value; readonly tenure: Tenure }> =>
  transaction(context.db, async (trx) => {
    const tenure = (await confirmShards(context, trx, [shard])).get(shard);
    if (tenure === undefined) throw new ShardLostError(shard);
    return { value: await work(trx), tenure };
  });
