import { siteIdSchema } from '#shared/ids.ts';
import type { DispatchContext } from './incoming.ts';
import { inShard, ShardLostError } from './shards/fence.ts';

/** The broker has refused to a site what it wanted to say under another name. Every ingest process hears it; the one that has the site's shard tells staff. */
export async function hearDenied(context: DispatchContext, payload: Uint8Array): Promise<void> {
  const [name, topic = ''] = Buffer.from(payload).toString('utf8').split('\n');
  const siteId = siteIdSchema.safeParse(name);
  try {
    const site = siteId.success ? await context.together.findSite(siteId.data) : null;
    if (!siteId.success || site === null) {
      context.logger.error({ name, topic }, 'the broker refuses a message of a site that is not known');
      return;
    }
    await inShard(context, site.shard, () => Promise.resolve());
    context.intrusions.note({ siteId: siteId.data, code: 'foreign-topic', detail: topic });
  } catch (error) {
    if (error instanceof ShardLostError) return;
    context.logger.error({ err: error, name, topic }, 'what the broker refuses cannot be told');
  }
}
