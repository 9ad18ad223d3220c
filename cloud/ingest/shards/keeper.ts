import type { Logger } from 'pino';
import type { Timers } from '#shared/clock.ts';
import type { Db } from '../../db/connect.ts';
import { type Poller, startPoller } from '../../runtime/poller.ts';
import { forgetLeases, keepLeases, type LeaseHolder, leaveProcesses, releaseShards } from './leases.ts';

/** What has to be done with a shard by whoever has it. */
export interface ShardService {
  /** Begins to hear the sites of these shards. */
  serve(shards: readonly number[]): void;
  /** Hears no more of them; resolves when nothing of what was heard is under way. */
  leave(shards: readonly number[]): Promise<void>;
}

export interface ShardKeeper {
  /** Resolves when this process has taken what was free for it at the first round. */
  whenTaken(): Promise<void>;
  /** Finishes what is under way and gives everything back. */
  stop(): Promise<void>;
}

/** How often a lease is renewed within its time: as many rounds may fail, less one. */
const ROUNDS_PER_LEASE = 5;
/** So that a lease of another process has run out for certain when it is looked at again. */
const BEHIND_THE_END_MS = 20;

/** Keeps this process's share of the shards: renews, takes what is free, gives back what is over, notices what is lost. */
export function startShardKeeper(options: {
  readonly db: Db;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly holder: LeaseHolder;
  /** True when no other process can work on this database: what one before has left is taken over at once. */
  readonly isAlone: boolean;
  readonly service: ShardService;
}): ShardKeeper {
  const { db, logger, holder, service } = options;
  const { processId } = holder;
  const serving = new Set<number>();
  const leaving = new Set<number>();
  const handovers = new Set<Promise<void>>();
  const waiting: (() => void)[] = [];
  let hasTaken = false;
  let cancelEarly: () => void = () => {};

  async function handOver(shards: readonly number[]): Promise<void> {
    for (const shard of shards) {
      serving.delete(shard);
      leaving.add(shard);
    }
    try {
      await service.leave(shards);
      await releaseShards(db, processId, shards);
      logger.info({ processId, shards }, 'shards are given back');
    } catch (error) {
      // Its lease runs out by itself, or the next round finds it here still and serves it again.
      logger.warn({ err: error, shards }, 'shards cannot be given back now');
    } finally {
      for (const shard of shards) leaving.delete(shard);
    }
  }
  const beginHandover = (shards: readonly number[]): void => {
    const own = handOver(shards).finally(() => handovers.delete(own));
    handovers.add(own);
  };

  async function round(): Promise<void> {
    if (options.isAlone && !hasTaken) await forgetLeases(db);
    // What is released while the round is under way may still be in its answer.
    const leavingBefore = new Set(leaving);
    const { held, giveBack, othersEndInMs } = await keepLeases(db, holder, leavingBefore);
    const lost = [...serving].filter((shard) => !held.includes(shard));
    const taken = held.filter((shard) => !serving.has(shard) && !leavingBefore.has(shard));
    for (const shard of lost) serving.delete(shard);
    for (const shard of taken) serving.add(shard);
    if (lost.length > 0) {
      logger.warn({ processId, shards: lost }, 'leases of shards are lost');
      service.leave(lost).catch((error: unknown) => logger.warn({ err: error }, 'lost shards are still heard'));
    }
    if (taken.length > 0) {
      logger.info({ processId, shards: taken }, 'shards are taken');
      service.serve(taken);
    }
    if (giveBack.length > 0) beginHandover(giveBack);
    hasTaken = true;
    for (const resolve of waiting.splice(0)) resolve();
    cancelEarly();
    cancelEarly =
      othersEndInMs === null ? () => {} : options.timers.after(othersEndInMs + BEHIND_THE_END_MS, () => poller.wake());
  }

  const poller: Poller = startPoller({
    name: 'keep shards',
    intervalMs: Math.ceil(holder.leaseMs / ROUNDS_PER_LEASE),
    timers: options.timers,
    logger,
    run: round,
  });
  return {
    whenTaken: () => (hasTaken ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    async stop() {
      await poller.stop();
      cancelEarly();
      await leaveProcesses(db, processId).catch((error: unknown) =>
        logger.warn({ err: error }, 'the others count with this process until its time is over'),
      );
      if (serving.size > 0) beginHandover([...serving]);
      await Promise.all(handovers);
    },
  };
}
