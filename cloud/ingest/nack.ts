import type { Nack } from '#shared/wire/messages.ts';
import { parkMessage } from './dead-letters.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { inShard } from './shards/fence.ts';

/** The site could not read something the cloud said: kept for a person, because it is a fault of ours or of a version. */
export async function handleEdgeNack(context: IngestContext, site: KnownSite, nack: Nack): Promise<void> {
  context.logger.warn(
    { siteId: site.siteId, code: nack.code, about: nack.topic, detail: nack.detail },
    'site refuses a message',
  );
  await inShard(context, site.shard, (trx) =>
    parkMessage(trx, {
      source: 'edge-nack',
      siteId: site.siteId,
      topic: nack.topic,
      code: nack.code,
      reason: nack.detail,
      payload: Buffer.from(JSON.stringify(nack)),
      receivedAtMs: context.clock.wallMs(),
    }),
  );
}
