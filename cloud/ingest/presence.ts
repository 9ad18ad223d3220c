import type { Presence } from '#shared/wire/messages.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { inShard } from './shards/fence.ts';

/** The will, or a farewell. One of an older connection says nothing about the present one, and is ignored. */
export async function handlePresence(context: IngestContext, site: KnownSite, presence: Presence): Promise<void> {
  const { value: updated } = await inShard(context, site.shard, (trx) =>
    trx
      .updateTable('site_links')
      .set({ online: presence.online })
      .where('site_id', '=', site.siteId)
      .where('connection_epoch', '=', presence.connectionEpoch)
      .executeTakeFirst(),
  );
  if (updated.numUpdatedRows > 0n) {
    context.logger.info({ siteId: site.siteId, online: presence.online }, 'site presence changes');
  }
}
