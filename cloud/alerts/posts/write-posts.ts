import type { CloudContext } from '../../context.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { takeEach } from '../../runtime/take-each.ts';
import type { ChannelKind } from '../channels/schemas.ts';
import type { AlertFacts } from '../facts.ts';
import { tellOthers } from './outcome.ts';

/** So many alerts are told by one message to people; machines get each by itself. */
const TOGETHER: Readonly<Record<ChannelKind, number>> = { mail: 50, wecom: 50, gateway: 50, webhook: 1 };
/** Of messages with one alert each. */
const AT_ONCE = 50;

type WriteContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;

/**
 * Makes messages of what channels are to tell. While one to people waits to be sent for the first time, what comes on goes into the next: a hundred
 * alerts at once are a handful of messages.
 */
export async function writePosts(context: WriteContext): Promise<void> {
  const waiting = await context.db
    .selectFrom('alert_tellings')
    .select('channel_id')
    .distinct()
    .where('post_id', 'is', null)
    .where('cancelled_at_ms', 'is', null)
    .execute();
  await takeEach(waiting, ({ channel_id: channelId }) =>
    transaction(context.db, (trx) => writeFor(context, trx, channelId)),
  );
}

async function writeFor({ clock, random }: WriteContext, trx: Trx, channelId: string): Promise<void> {
  const nowMs = clock.wallMs();
  const channel = await trx
    .selectFrom('alert_channels')
    .selectAll()
    .where('channel_id', '=', channelId)
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (channel === undefined) return;
  const waiting = trx
    .selectFrom('alert_tellings')
    .select(['telling_id', 'document'])
    .where('channel_id', '=', channelId)
    .where('post_id', 'is', null)
    .where('cancelled_at_ms', 'is', null)
    .orderBy('telling_id');
  if (channel.disabled_at_ms !== null || channel.deleted_at_ms !== null) {
    // Disabled while the chain told it: the chain goes on by other channels.
    await tellOthers(trx, channelId, nowMs);
    await trx
      .updateTable('alert_tellings')
      .set({ cancelled_at_ms: nowMs })
      .where('channel_id', '=', channelId)
      .where('post_id', 'is', null)
      .where('cancelled_at_ms', 'is', null)
      .execute();
    return;
  }
  const together = TOGETHER[channel.kind];
  if (together > 1 && (await hasUnsent(trx, channelId))) return;
  const tellings = await waiting.limit(together === 1 ? AT_ONCE : together).execute();
  const posts = together === 1 ? tellings.map((telling) => [telling]) : [tellings];
  for (const some of posts) {
    if (some.length === 0) continue;
    const postId = newPostId(random);
    const facts = some.map(({ document }) => JSON.parse(document) as AlertFacts);
    await storePost(trx, { postId, channelId, kind: 'alert', facts, nowMs });
    await trx
      .updateTable('alert_tellings')
      .set({ post_id: postId })
      .where(
        'telling_id',
        'in',
        some.map((telling) => telling.telling_id),
      )
      .execute();
  }
}

export const newPostId = (random: CloudContext['random']): string => `msg_${random.uuid().replaceAll('-', '')}`;

export const storePost = (
  trx: Trx,
  post: {
    readonly postId: string;
    readonly channelId: string;
    readonly kind: 'alert' | 'test';
    readonly facts: readonly AlertFacts[];
    readonly nowMs: number;
  },
): Promise<unknown> =>
  trx
    .insertInto('alert_posts')
    .values({
      post_id: post.postId,
      channel_id: post.channelId,
      kind: post.kind,
      payload: JSON.stringify(post.facts),
      status: 'pending',
      next_attempt_at_ms: post.nowMs,
      created_at_ms: post.nowMs,
    })
    .execute();

async function hasUnsent(trx: Trx, channelId: string): Promise<boolean> {
  const row = await trx
    .selectFrom('alert_posts')
    .select('post_id')
    .where('channel_id', '=', channelId)
    .where('status', '=', 'pending')
    .where('kind', '=', 'alert')
    .where('attempts', '=', 0)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
