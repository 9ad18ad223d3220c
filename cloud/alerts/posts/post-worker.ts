import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CloudContext } from '../../context.ts';
import { takeFromBucket } from '../../limits/rate-buckets.ts';
import { createLaneWorker, type LaneWorker } from '../../runtime/lane-worker.ts';
import type { WebhookPoster } from '../../webhooks/post.ts';
import { sendMail } from '../channels/mail.ts';
import type { Post, SendOutcome } from '../channels/post.ts';
import { type ChannelSettings, channelSettingsSchema } from '../channels/schemas.ts';
import { channelSecretContext, withoutSecrets } from '../channels/secret.ts';
import { gatewayBody, sendSigned, webhookBody } from '../channels/signed-post.ts';
import { sendToWecom, WECOM_POLICY } from '../channels/wecom.ts';
import type { AlertFacts } from '../facts.ts';
import type { AlertChannelRow } from '../tables.ts';
import { type ClaimedPost, channelsWithDue, claimPosts } from './claim.ts';
import { cancelPost, postponePost, recordPostOutcome } from './outcome.ts';

type SenderContext = Pick<CloudContext, 'db' | 'clock' | 'timers' | 'random' | 'logger' | 'secrets' | 'wake'>;

/** Sends what is written for channels. Any number of workers may run: each leases what it sends. */
export const createPostWorker = (context: SenderContext, poster: WebhookPoster): LaneWorker =>
  createLaneWorker<ClaimedPost>({
    lanesWithDue: (full) => channelsWithDue(context.db, full, context.clock.wallMs()),
    claim: (channelId, places) => claimPosts(context.db, channelId, places, context.clock.wallMs()),
    attempt: (post) => attempt(context, poster, post),
    onLost: (error, { post_id: postId }) =>
      context.logger.error({ err: error, postId }, 'how an alert was sent cannot be recorded'),
    onEnd: () => context.wake.alerts(),
  });

async function attempt(context: SenderContext, poster: WebhookPoster, row: ClaimedPost): Promise<void> {
  const alerts = JSON.parse(row.payload) as AlertFacts[];
  if (row.kind === 'alert' && !(await isNeeded(context, row.post_id))) return await cancelPost(context, row);
  const channel = await context.db
    .selectFrom('alert_channels')
    .selectAll()
    .where('channel_id', '=', row.channel_id)
    .executeTakeFirstOrThrow();
  const secret = secretOf(context, channel);
  if (secret === null) {
    const error = 'its secret was sealed with another key than this cloud has';
    return await recordPostOutcome(context, row, { kind: 'failed', error });
  }
  const waitMs = await waitFor(context, channel, secret);
  if (waitMs > 0) return await postponePost(context, row, context.clock.wallMs() + waitMs);
  const post = { id: row.post_id, createdAtMs: row.created_at_ms, alerts };
  const settings = channelSettingsSchema.parse(JSON.parse(channel.settings));
  const outcome = await send(context, poster, { channel, settings, secret, post });
  if (outcome.kind === 'failed' && outcome.isOurs === true)
    return await postponePost(context, row, context.clock.wallMs());
  await recordPostOutcome(context, row, clean(outcome, secret, settings));
}

/** Null: it cannot be opened. */
function secretOf({ secrets }: SenderContext, channel: AlertChannelRow): string | null {
  try {
    return secrets.open(channel.secret_sealed, channelSecretContext(channel.channel_id));
  } catch {
    return null;
  }
}

/** Whether there is an alert in it that nobody is at. */
async function isNeeded({ db }: SenderContext, postId: string): Promise<boolean> {
  const row = await db
    .selectFrom('alert_tellings')
    .innerJoin('alerts', 'alerts.alert_id', 'alert_tellings.alert_id')
    .select('alerts.alert_id')
    .where('alert_tellings.post_id', '=', postId)
    .where('alerts.acknowledged_at_ms', 'is', null)
    .where('alerts.closed_at_ms', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** A robot takes twenty messages a minute, from all processes and channels together. */
async function waitFor(context: SenderContext, { kind }: AlertChannelRow, secret: string): Promise<number> {
  if (kind !== 'wecom') return 0;
  const robot = createHash('sha256').update(secret).digest('hex');
  const nowMs = context.clock.wallMs();
  const verdict = await takeFromBucket(context.db, `robot:${robot}`, 'messages', WECOM_POLICY, nowMs);
  return verdict.isAllowed ? 0 : 60_000 / WECOM_POLICY.perMinute;
}

interface Sending {
  readonly channel: AlertChannelRow;
  readonly settings: ChannelSettings;
  readonly secret: string;
  readonly post: Post;
}

function send(
  context: SenderContext,
  poster: WebhookPoster,
  { channel: { language }, settings, secret, post }: Sending,
): Promise<SendOutcome> {
  const signed = { secret, nowMs: context.clock.wallMs() };
  switch (settings.kind) {
    case 'mail':
      return sendMail(context.timers, post, { settings, password: secret, language });
    case 'webhook':
      return sendSigned(poster, post, { ...signed, url: settings.url, body: webhookBody(post, language) });
    case 'gateway':
      return sendSigned(poster, post, { ...signed, url: settings.url, body: gatewayBody(post, settings, language) });
    case 'wecom':
      return sendToWecom(poster, post, { url: secret, settings, language });
  }
}

const keySchema = z.url().transform((url) => new URL(url).searchParams.get('key') ?? '');

/** A server may answer with what it was sent. */
function clean(outcome: SendOutcome, secret: string, settings: ChannelSettings): SendOutcome {
  if (outcome.kind === 'delivered') return outcome;
  const key = keySchema.safeParse(secret);
  const inBase64 = (text: string): string => Buffer.from(text).toString('base64');
  // As AUTH PLAIN sends it (RFC 4616), and as AUTH LOGIN does.
  const plain = settings.kind === 'mail' ? [inBase64(`\0${settings.user ?? ''}\0${secret}`)] : [];
  const secrets = [secret, ...plain, inBase64(secret), ...(key.success ? [key.data] : [])];
  return { ...outcome, error: withoutSecrets(outcome.error, secrets) };
}
