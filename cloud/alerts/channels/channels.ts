import type { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { iso, isoOrNull } from '../../http/iso.ts';
import { parseWebhookUrl, resolveAllowed } from '../../webhooks/address-guard.ts';
import { SECRET_BYTES, secretText } from '../../webhooks/sign.ts';
import { endChannel } from '../posts/outcome.ts';
import { newPostId, storePost } from '../posts/write-posts.ts';
import type { AlertChannelRow } from '../tables.ts';
import { type ChannelSettings, type channelSchema, channelSettingsSchema, type NewChannel } from './schemas.ts';
import { channelSecretContext } from './secret.ts';

type ChannelContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'secrets' | 'lookUp' | 'settings' | 'wake'>;

export const channelView = (row: AlertChannelRow): z.infer<typeof channelSchema> => ({
  channel_id: row.channel_id,
  name: row.name,
  language: row.language,
  settings: channelSettingsSchema.parse(JSON.parse(row.settings)),
  created_at: iso(row.created_at_ms),
  delivered_at: isoOrNull(row.delivered_at_ms),
  failing_since: isoOrNull(row.failing_since_ms),
  disabled_at: isoOrNull(row.disabled_at_ms),
  disabled_reason: row.disabled_reason,
});

/** Of webhook and gateway the platform makes it, and shows it once. */
const makesItsSecret = ({ kind }: ChannelSettings): boolean => kind === 'webhook' || kind === 'gateway';

/** @throws PilegateError `request.invalid`, `webhook.address_refused` */
async function check(context: ChannelContext, settings: ChannelSettings, secret: string | undefined): Promise<void> {
  const invalid = (path: string, reason: string): PilegateError =>
    new PilegateError('request.invalid', reason, { complaints: [{ path, reason }] });
  if (makesItsSecret(settings) && secret !== undefined) throw invalid('secret', 'is made here, and shown once');
  if (settings.kind === 'mail' && (settings.user === undefined) !== (secret === undefined))
    throw invalid('secret', 'a user has a password, and a password a user');
  if (settings.kind === 'wecom' && secret === undefined) throw invalid('secret', 'the whole address of the robot');
  const url = settings.kind === 'wecom' ? (secret ?? '') : settings.kind === 'mail' ? null : settings.url;
  if (url === null) return;
  await resolveAllowed(parseWebhookUrl(url, context.settings.webhookDevAllow).target, context.lookUp);
}

/**
 * A new place to tell alerts. What is secret of it is sealed, and never shown again.
 *
 * @returns the row, and the secret that was made for it; null: it had one
 * @throws PilegateError `request.invalid`, `webhook.address_refused`, `resource.exists`
 */
export async function createChannel(
  context: ChannelContext,
  wish: NewChannel,
): Promise<{ row: AlertChannelRow; secret: string | null }> {
  await check(context, wish.settings, wish.secret);
  const made = makesItsSecret(wish.settings) ? secretText(context.random.bytes(SECRET_BYTES)) : null;
  const sealed = context.secrets.seal(made ?? wish.secret ?? '', channelSecretContext(wish.channel_id));
  return await transaction(context.db, async (trx) => {
    const row = await trx
      .insertInto('alert_channels')
      .values({
        channel_id: wish.channel_id,
        kind: wish.settings.kind,
        name: wish.name,
        language: wish.language,
        settings: JSON.stringify(wish.settings),
        secret_sealed: sealed,
        created_at_ms: context.clock.wallMs(),
      })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    if (row === undefined)
      throw new PilegateError('resource.exists', `channel ${wish.channel_id}; ids are not used twice`);
    return { row, secret: made };
  });
}

/** @throws PilegateError `alert.channel_unknown` */
async function lockChannel(trx: Trx, channelId: string): Promise<AlertChannelRow> {
  const row = await trx
    .selectFrom('alert_channels')
    .selectAll()
    .where('channel_id', '=', channelId)
    .where('deleted_at_ms', 'is', null)
    // A telling that is stored holds its channel: whoever stores one has the alert, for which this may wait.
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('alert.channel_unknown', `no channel ${channelId}`);
  return row;
}

/**
 * Lets a channel be used again, as if nothing had failed.
 *
 * @throws PilegateError `alert.channel_unknown`
 */
export const enableChannel = (context: ChannelContext, channelId: string): Promise<AlertChannelRow> =>
  transaction(context.db, async (trx) => {
    await lockChannel(trx, channelId);
    const fresh = { disabled_at_ms: null, disabled_reason: null, failing_since_ms: null, failing_told_at_ms: null };
    return await trx
      .updateTable('alert_channels')
      .set(fresh)
      .where('channel_id', '=', channelId)
      .returningAll()
      .executeTakeFirstOrThrow();
  });

/**
 * Takes a channel out, for good or until it is enabled; what waited for it is told by others.
 *
 * @throws PilegateError `alert.channel_unknown`
 */
export const takeChannelOut = (
  context: ChannelContext,
  channelId: string,
  { reason, isDeleted }: { readonly reason: string; readonly isDeleted: boolean },
): Promise<AlertChannelRow> =>
  transaction(context.db, async (trx) => {
    const row = await lockChannel(trx, channelId);
    const nowMs = context.clock.wallMs();
    if (row.disabled_at_ms === null)
      await endChannel(trx, channelId, { disabled_at_ms: nowMs, disabled_reason: reason });
    return await trx
      .updateTable('alert_channels')
      .set({ disabled_reason: reason, deleted_at_ms: isDeleted ? nowMs : null })
      .where('channel_id', '=', channelId)
      .returningAll()
      .executeTakeFirstOrThrow();
  });

/**
 * Sends a message that says that it is a test, also where the channel is disabled.
 *
 * @returns the id of the message, by which its outcome is found
 * @throws PilegateError `alert.channel_unknown`
 */
export async function testChannel(context: ChannelContext, channelId: string): Promise<string> {
  const postId = newPostId(context.random);
  await transaction(context.db, async (trx) => {
    await lockChannel(trx, channelId);
    await storePost(trx, { postId, channelId, kind: 'test', facts: [], nowMs: context.clock.wallMs() });
  });
  context.wake.alerts();
  return postId;
}
