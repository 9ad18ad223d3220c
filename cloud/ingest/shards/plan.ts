/** What one process sees of all shards at one moment. */
export interface ShardsSeen {
  readonly processId: string;
  /** The processes that are alive and take shards; not those that are leaving. */
  readonly alive: readonly string[];
  /** By shard: whose lease is live, or null where nobody's is. */
  readonly owners: readonly (string | null)[];
  /** Shards that this process is giving back already. */
  readonly leaving: ReadonlySet<number>;
}

export interface ShardsPlan {
  readonly take: readonly number[];
  readonly giveBack: readonly number[];
}

/**
 * What this process has to take and to give back so that the shards are shared out evenly: nobody has two more than
 * another, and those first in the order of their ids have the one that is over. Processes that see the same take different
 * shards; where they do not, the database decides. A shard is taken only when it is free: nothing is taken away from anybody.
 */
export function planShards(seen: ShardsSeen): ShardsPlan {
  const { processId, owners, leaving } = seen;
  const alive = [...new Set(seen.alive)].sort();
  const shareOf = (rank: number) =>
    rank < 0 ? 0 : Math.floor(owners.length / alive.length) + (rank < owners.length % alive.length ? 1 : 0);
  const own = shardsOf(owners, processId).filter((shard) => !leaving.has(shard));
  const share = shareOf(alive.indexOf(processId));
  if (own.length >= share) return { take: [], giveBack: own.slice(share) };
  const free = owners.flatMap((owner, shard) => (owner === null ? [shard] : []));
  // Whoever comes first in the order takes the first of what is free.
  const missingBefore = alive
    .slice(0, alive.indexOf(processId))
    .map((id, rank) => Math.max(0, shareOf(rank) - shardsOf(owners, id).length));
  const from = missingBefore.reduce((sum, missing) => sum + missing, 0);
  return { take: free.slice(from, from + share - own.length), giveBack: [] };
}

const shardsOf = (owners: readonly (string | null)[], processId: string): number[] =>
  owners.flatMap((owner, shard) => (owner === processId ? [shard] : []));
