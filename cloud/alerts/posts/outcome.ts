import { sql } from 'kysely';
import { raisePlatformAlarm } from '../../alarms/raise-alarm.ts';
import type { CloudContext } from '../../context.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { storable } from '../../ingest/storable.ts';
import { nextAttemptAtMs } from '../../webhooks/retry-plan.ts';
import type { SendOutcome } from '../channels/post.ts';
import { enabledChannels } from '../escalate.ts';
import type { ClaimedPost } from './claim.ts';

const S = 1_000;
/** News of what burns are no use tomorrow: often at first, and given up after two and a half hours. By then the chain has gone on. */
export const POST_RETRY_MS = [10, 20, 40, 60, 120, 300, 600, 1_200, 1_800, 3_600].map((s) => s * S);
/**
 * A channel that has failed for so long, which is less than what one post is tried for, is disabled, and the others tell of it. Where no other one
 * works either, it is not the channel: it goes on being tried, or nobody would be told of anything when the way out is there again.
 */
export const DISABLE_AFTER_MS = 2 * 3_600 * S;
/** What failed longer ago than any wait between two attempts of a post is another failure: nothing is known of the time between. */
const ONE_FAILURE_MS = 1.2 * Math.max(...POST_RETRY_MS);
/** A channel that fails is said to fail as soon as that has lasted so long. */
export const FAILING_AFTER_MS = 300 * S;

type OutcomeContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>;

/** Writes down how an attempt went. */
export const recordPostOutcome = (context: OutcomeContext, post: ClaimedPost, outcome: SendOutcome): Promise<void> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    if (outcome.kind === 'failed') return await recordFailure(context, trx, post, outcome);
    // Before the message, as everybody does: who takes the channel out would wait for the message, and this for the channel.
    await trx
      .updateTable('alert_channels')
      .set({ failing_since_ms: null, failing_told_at_ms: null, delivered_at_ms: nowMs })
      .where('channel_id', '=', post.channel_id)
      .execute();
    const done = { status: 'delivered', last_error: outcome.complaint ?? null, finished_at_ms: nowMs } as const;
    await change(trx, post, { ...done, attempts: post.attempts + 1 });
  });

/** Nobody needs it any more. */
export const cancelPost = (context: OutcomeContext, post: ClaimedPost): Promise<void> =>
  transaction(context.db, async (trx) => {
    await change(trx, post, { status: 'cancelled', finished_at_ms: context.clock.wallMs() });
  });

/** Not now, and not its own fault: it counts as no attempt. */
export const postponePost = (context: OutcomeContext, post: ClaimedPost, untilMs: number): Promise<void> =>
  transaction(context.db, async (trx) => {
    await change(trx, post, { next_attempt_at_ms: untilMs });
  });

async function recordFailure(
  context: OutcomeContext,
  trx: Trx,
  post: ClaimedPost,
  failed: Extract<SendOutcome, { kind: 'failed' }>,
): Promise<void> {
  const nowMs = context.clock.wallMs();
  const error = storable(failed.error, 500);
  const attempts = post.attempts + 1;
  const { channel_id: channelId, post_id: postId } = post;
  const channel = await trx
    .updateTable('alert_channels')
    .set({
      failing_since_ms: sql<number>`case when failing_since_ms is not null and failed_at_ms > ${nowMs - ONE_FAILURE_MS}::bigint
        then failing_since_ms else ${nowMs}::bigint end`,
      failed_at_ms: nowMs,
    })
    .where('channel_id', '=', channelId)
    .returning(['failing_since_ms', 'failing_told_at_ms', 'disabled_at_ms'])
    .executeTakeFirstOrThrow();
  context.logger.warn({ channelId, postId, attempts, error }, 'alert cannot be sent');
  const failingForMs = nowMs - (channel.failing_since_ms ?? nowMs);
  const nextMs = nextAttemptAtMs(POST_RETRY_MS, attempts, nowMs, context.random.fraction());
  const isDisabled = channel.disabled_at_ms !== null;
  // A test tells at once how it went.
  const isOver = nextMs === null || post.kind === 'test' || isDisabled;
  if (isOver) await change(trx, post, { status: 'failed', attempts, last_error: error, finished_at_ms: nowMs });
  else await change(trx, post, { attempts, last_error: error, next_attempt_at_ms: nextMs });
  if (isDisabled) return;
  if (failed.isGone === true || (failingForMs >= DISABLE_AFTER_MS && (await anotherWorks(trx, channelId)))) {
    const reason = failed.isGone === true ? 'the receiver answered 410 Gone' : 'every attempt failed for 2 h';
    return await disableChannel(context, trx, { channelId, reason: `${reason}: ${error}`, nowMs });
  }
  const isNews = channel.failing_told_at_ms === null && (failingForMs >= FAILING_AFTER_MS || nextMs === null);
  if (isNews) {
    await trx
      .updateTable('alert_channels')
      .set({ failing_told_at_ms: nowMs })
      .where('channel_id', '=', channelId)
      .execute();
    await alarm(context, trx, { channelId, code: 'alert.channel_failing', detail: error, nowMs });
  }
  if (isNews || nextMs === null) await tellOthers(trx, channelId, nowMs);
}

async function anotherWorks(trx: Trx, channelId: string): Promise<boolean> {
  const { working } = await enabledChannels(trx);
  return working.some((id) => id !== channelId);
}

/** Only as long as this worker holds the lease: another one may have taken over meanwhile. */
const change = (
  trx: Trx,
  post: ClaimedPost,
  to: {
    readonly status?: 'delivered' | 'failed' | 'cancelled';
    readonly attempts?: number;
    readonly last_error?: string | null;
    readonly next_attempt_at_ms?: number;
    readonly finished_at_ms?: number;
  },
): Promise<unknown> =>
  trx
    .updateTable('alert_posts')
    .set({ ...to, leased_until_ms: null })
    .where('post_id', '=', post.post_id)
    .where('status', '=', 'pending')
    .where('leased_until_ms', '=', post.leased_until_ms)
    .execute();

interface Disabling {
  readonly channelId: string;
  readonly reason: string;
  readonly nowMs: number;
}

/** Nothing more is sent there, and the other channels tell of it. */
async function disableChannel(
  context: OutcomeContext,
  trx: Trx,
  { channelId, reason, nowMs }: Disabling,
): Promise<void> {
  await endChannel(trx, channelId, { disabled_at_ms: nowMs, disabled_reason: storable(reason, 500) });
  await alarm(context, trx, { channelId, code: 'alert.channel_disabled', detail: reason, nowMs });
}

/** Begins the chain anew for alerts of which this channel was to tell, and of which nobody has heard: now others are told. */
export const tellOthers = (trx: Trx, channelId: string, nowMs: number): Promise<unknown> =>
  sql`
    update alerts set run = alerts.run + 1, ticks = 0, escalate_from_ms = ${nowMs}::bigint, next_tick_at_ms = ${nowMs}::bigint
    from (select alert_id from alerts where closed_at_ms is null and acknowledged_at_ms is null
      and exists (
        select 1 from alert_tellings mine left join alert_posts post on post.post_id = mine.post_id
        where mine.alert_id = alerts.alert_id and mine.run = alerts.run and mine.channel_id = ${channelId}
          and coalesce(post.status, 'pending') <> 'delivered')
      and not exists (
        select 1 from alert_tellings heard join alert_posts post on post.post_id = heard.post_id
        where heard.alert_id = alerts.alert_id and heard.run = alerts.run and post.status = 'delivered')
      -- In the order in which alarms are counted, so that none waits for the other in a circle.
      order by alert_key collate "C" for update) as unheard
    where alerts.alert_id = unheard.alert_id`.execute(trx);

/** Takes a channel out, with what was still to be sent there. */
export async function endChannel(
  trx: Trx,
  channelId: string,
  end: { readonly disabled_at_ms: number; readonly disabled_reason: string },
): Promise<void> {
  const nowMs = end.disabled_at_ms;
  await tellOthers(trx, channelId, nowMs);
  await trx.updateTable('alert_channels').set(end).where('channel_id', '=', channelId).execute();
  await trx
    .updateTable('alert_posts')
    .set({ status: 'cancelled', last_error: end.disabled_reason, finished_at_ms: nowMs })
    .where('channel_id', '=', channelId)
    .where('status', '=', 'pending')
    .execute();
}

const alarm = (
  context: OutcomeContext,
  trx: Trx,
  {
    channelId,
    code,
    detail,
    nowMs,
  }: { readonly channelId: string; readonly code: string; readonly detail: string; readonly nowMs: number },
): Promise<void> =>
  raisePlatformAlarm(context, trx, {
    partnerId: null,
    about: `alert-channel/${channelId}`,
    code,
    severity: 'warning',
    detail: `channel ${channelId}: ${detail}`,
    nowMs,
  });
