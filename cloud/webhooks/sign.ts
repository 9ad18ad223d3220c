import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
export const SECRET_BYTES = 32;

/** A secret as the partner sees it: `whsec_` and base64 (Standard Webhooks 1.0). */
export const secretText = (bytes: Buffer): string => PREFIX + bytes.toString('base64');

/** The `webhook-signature` of Standard Webhooks 1.0: `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`. */
export function signWebhook(secret: string, message: { id: string; timestampS: number; body: string }): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const text = `${message.id}.${message.timestampS}.${message.body}`;
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
}
