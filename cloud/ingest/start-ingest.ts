import type { CloudContext } from '../context.ts';
import { dispatch, siteOfTopic } from './dispatch.ts';
import { createDown, type Down } from './down.ts';
import { type CloudLink, openCloudLink } from './link.ts';
import { createSiteQueue } from './site-queue.ts';

/** Messages that may wait or run before the broker is held back. */
const QUEUE_LIMIT = 256;

export interface Ingest {
  readonly link: CloudLink;
  readonly down: Down;
  stop(): Promise<void>;
}

export interface BrokerLogin {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

/** Connects to the broker and handles what the sites say, each site in order, different sites side by side. */
export function startIngest(context: CloudContext, broker: BrokerLogin): Ingest {
  const queue = createSiteQueue(QUEUE_LIMIT);
  const link = openCloudLink({
    ...broker,
    clientId: `pilegate-cloud-${context.random.uuid()}`,
    timers: context.timers,
    logger: context.logger,
    onMessage: async (topic, payload) => {
      const siteId = siteOfTopic(topic);
      if (siteId === null) return;
      await queue.push(siteId, () =>
        dispatch(ingestContext, topic, payload).catch((error: unknown) => {
          context.logger.error({ err: error, topic }, 'message is lost; the site will send it again');
        }),
      );
    },
  });
  const down = createDown(link.publish);
  const ingestContext = { ...context, down };
  return {
    link,
    down,
    async stop() {
      await queue.idle();
      await link.close();
    },
  };
}
