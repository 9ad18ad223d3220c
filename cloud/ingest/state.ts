import type { State } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import { isHolder } from '../presence/lives.ts';
import type { DispatchContext, KnownSite } from './incoming.ts';
import { ShardLostError } from './shards/fence.ts';

/**
 * Live view and heartbeat. A message of an older connection may arrive late; it changes nothing.
 *
 * @param receivedAtMs when it came: one that had to wait says nothing of now
 */
export async function handleState(
  context: DispatchContext,
  site: KnownSite,
  state: State,
  receivedAtMs: number,
): Promise<void> {
  const outcome = await context.together.storeState({ site, state, receivedAtMs });
  if (outcome === 'shard-lost') throw new ShardLostError(site.shard);
  if (outcome === 'stored') {
    const { connectionEpoch } = state;
    if (state.ask === true) await context.down.beat(site, { v: WIRE_VERSION, connectionEpoch });
    return;
  }
  context.logger.debug({ siteId: site.siteId }, 'state of another connection is ignored');
  if (state.lifeId !== undefined) await isHolder(context, site, state.lifeId, receivedAtMs);
}
