import { iso } from '../../http/iso.ts';
import type { WebhookPoster } from '../../webhooks/post.ts';
import { signWebhook } from '../../webhooks/sign.ts';
import { cutToBytes, headOf, textOf } from '../texts.ts';
import { type Post, type SendOutcome, typeOf } from './post.ts';
import type { Language, SettingsOf } from './schemas.ts';

const GONE = 410;
/** Three parts of a long text message in Chinese: 67 characters each, of 3 bytes. */
const SMS_BYTES = 600;
const TEXT_BYTES = 20_000;

/** For machines: everything there is, and the words for people. */
export const webhookBody = (post: Post, language: Language): string =>
  JSON.stringify({
    type: typeOf(post),
    timestamp: iso(post.createdAtMs),
    data: { text: textOf(post.alerts, language, { bytes: TEXT_BYTES }), alerts: post.alerts },
  });

/** For a gateway that sends short messages, or calls people and reads to them. */
export const gatewayBody = (post: Post, settings: SettingsOf<'gateway'>, language: Language): string =>
  JSON.stringify({
    type: typeOf(post),
    timestamp: iso(post.createdAtMs),
    data: {
      mode: settings.mode,
      to: settings.to,
      language,
      text: cutToBytes(headOf(post.alerts, language), SMS_BYTES),
      level: post.alerts.length === 0 ? null : highest(post),
      alert_ids: post.alerts.map(({ alert_id: id }) => id),
    },
  });

const highest = ({ alerts }: Post): string | null =>
  (['emergency', 'critical', 'warning', 'info'] as const).find((level) => alerts.some((one) => one.level === level)) ??
  null;

/** Sends as Standard Webhooks 1.0 do: the id and the bytes are the same at every attempt. */
export async function sendSigned(
  poster: WebhookPoster,
  post: Post,
  {
    url,
    secret,
    body,
    nowMs,
  }: { readonly url: string; readonly secret: string; readonly body: string; readonly nowMs: number },
): Promise<SendOutcome> {
  const timestampS = Math.floor(nowMs / 1000);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Pilegate-Alerts/1',
    'webhook-id': post.id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signWebhook(secret, { id: post.id, timestampS, body }),
  };
  const outcome = await poster.post(url, headers, body);
  if (outcome.kind === 'failed') return outcome;
  if (outcome.status >= 200 && outcome.status < 300) return { kind: 'delivered' };
  return { kind: 'failed', error: `HTTP ${outcome.status}`, isGone: outcome.status === GONE };
}
