import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { RandomBytes } from '../random.ts';

const VERSION = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts secrets at rest with AES-256-GCM, bound to the row they belong to. */
export interface SecretBox {
  seal(secret: string, context: string): string;
  open(sealed: string, context: string): string;
}

/**
 * @param masterKey 32 bytes
 * @returns a box whose `open` throws when the text or its context was altered
 */
export function createSecretBox(masterKey: Uint8Array, randomBytes: RandomBytes): SecretBox {
  return {
    seal(secret, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce);
      cipher.setAAD(Buffer.from(context));
      const bytes = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return [VERSION, Buffer.concat([nonce, cipher.getAuthTag(), bytes]).toString('base64')].join(':');
    },
    open(sealed, context) {
      const [version, text] = sealed.split(':');
      if (version !== VERSION || text === undefined) throw new Error('sealed secret has an unknown version');
      const bytes = Buffer.from(text, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', masterKey, bytes.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const secret = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([secret, decipher.final()]).toString('utf8');
    },
  };
}
