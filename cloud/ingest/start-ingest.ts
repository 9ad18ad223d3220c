import { type ParsedTopic, parseUpTopic, SHARD_COUNT, type UpKind } from '#shared/wire/topics.ts';
import { DENIED_TOPIC } from '../broker/broker-topics.ts';
import type { ClientTls } from '../broker/tls-folder.ts';
import type { CloudContext } from '../context.ts';
import { hearDenied } from './denied.ts';
import { dispatch } from './dispatch.ts';
import { createDown, type Down } from './down.ts';
import { type CloudLink, openCloudLink } from './link.ts';
import { startShardKeeper } from './shards/keeper.ts';
import { leaseStanding } from './shards/leases.ts';
import { createSiteQueue } from './site-queue.ts';
import { createTogether } from './together.ts';

/** Messages that may wait or run before the broker is held back. */
const QUEUE_LIMIT = 256;
/** Of one site, and of its live views: what it may have on its way at once is much less. */
const QUEUE_OF_A_SITE = 32;
const TELL_AGAIN_MS = 60_000;
const LOOK_AGAIN_MS = 20;

/** Whether the sites of this process are heard. */
export interface IngestStanding {
  /** A probe has gone through the broker and come back on the present connection. */
  readonly brokerProven: boolean;
  /** By the database's time. */
  readonly leaseLive: boolean;
  readonly shardsOwned: number;
  /** Of which the broker has granted the subscription. */
  readonly shardsHeard: number;
  /** How many of all shards some process has. */
  readonly shardsLeased: number;
}

export interface Ingest {
  readonly link: CloudLink;
  readonly down: Down;
  standing(): Promise<IngestStanding>;
  whenReady(): Promise<void>;
  /** Finishes what is under way, gives the shards back, and leaves the broker. */
  stop(): Promise<void>;
}

export interface BrokerLogin {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: ClientTls;
}

export interface IngestBroker extends BrokerLogin {
  /** The link has been made, or made again: the broker may have forgotten what it was told. */
  readonly onUp?: () => void;
}

export interface ShardTerms {
  readonly leaseMs: number;
  /** True when no other process can work on this database. */
  readonly isAlone: boolean;
}

/** A process without a shard is ready as long as others have them all: it has only just come, or there are more than shards. */
export const isIngestReady = (standing: IngestStanding): boolean =>
  standing.brokerProven &&
  standing.leaseLive &&
  standing.shardsHeard === standing.shardsOwned &&
  (standing.shardsOwned > 0 || standing.shardsLeased === SHARD_COUNT);

/**
 * Connects to the broker and handles what the sites of its shards say, the records of each site in order, and its live views; different
 * sites side by side.
 *
 * @param openLink what makes the connection
 */
export function startIngest(
  context: CloudContext,
  broker: IngestBroker,
  terms: ShardTerms,
  openLink: typeof openCloudLink = openCloudLink,
): Ingest {
  const { processId, timers, logger, db } = context;
  const toldMonoMs = new Map<string, number>();
  const queue = createSiteQueue(QUEUE_LIMIT, QUEUE_OF_A_SITE, (name) => {
    const nowMonoMs = context.clock.monoMs();
    if (nowMonoMs - (toldMonoMs.get(name) ?? -Infinity) < TELL_AGAIN_MS) return;
    toldMonoMs.set(name, nowMonoMs);
    logger.warn({ name }, 'a site says more than is taken: what is too much is left out');
  });
  const link = openLink({
    ...broker,
    clientId: `pilegate-cloud-${processId}`,
    timers,
    fraction: context.random.fraction,
    logger,
    onMessage: async (topic, payload) => {
      if (topic === DENIED_TOPIC) return queue.push(topic, () => hearDenied(ingestContext, payload));
      const parsed = parseUpTopic(topic);
      if (parsed === null) return;
      const incoming = { topic, payload, receivedAtMs: context.clock.wallMs() };
      await queue.push(nameInQueue(parsed), () => dispatch(ingestContext, incoming));
    },
  });
  const down = createDown(link.publish);
  const ingestContext = { ...context, down: createDown(link.answer), together: createTogether(context) };
  const keeper = startShardKeeper({
    db,
    timers,
    logger,
    holder: { processId, leaseMs: terms.leaseMs },
    isAlone: terms.isAlone,
    service: {
      serve: (shards) => link.hear(shards),
      async leave(shards) {
        await link.stopHearing(shards);
        await queue.idle((name) => shards.includes(shardInQueue(name)));
      },
    },
  });
  const standing = async (): Promise<IngestStanding> => {
    const { isAlive, own, leased } = await leaseStanding(db, processId);
    const heard = { brokerProven: link.isProven(), shardsHeard: link.heardCount() };
    return { ...heard, leaseLive: isAlive, shardsOwned: own, shardsLeased: leased };
  };
  return {
    link,
    down,
    standing,
    async whenReady() {
      await Promise.all([link.whenProven(), keeper.whenTaken()]);
      while (!isIngestReady(await standing())) {
        await new Promise<void>((resolve) => timers.after(LOOK_AGAIN_MS, resolve));
      }
    },
    async stop() {
      await keeper.stop();
      await queue.idle();
      await link.close();
    },
  };
}

/** A live view depends on no record: it does not wait behind those that a site sends at the same time. */
const nameInQueue = ({ shard, siteId, kind }: ParsedTopic<UpKind>) =>
  kind === 'state' ? `${shard}/${siteId}/live` : `${shard}/${siteId}`;
const shardInQueue = (name: string) => Number.parseInt(name, 10);
