import { createHmac, timingSafeEqual } from 'node:crypto';
import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../canonical-json.ts';

/** A signature is good for so long on both sides of the server's time. */
export const WINDOW_S = 300;

export interface SignedHeaders {
  readonly keyId: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly signature: string;
}

export interface SignedRequest {
  readonly method: string;
  /** Path with query, as sent. */
  readonly target: string;
  readonly headers: SignedHeaders;
  /** The bytes of the body; empty for none. */
  readonly body: Uint8Array;
}

/** @throws PilegateError `auth.missing` naming the header */
export function readSignedHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): SignedHeaders {
  const read = (name: string, pattern: RegExp): string => {
    const value = headers[name.toLowerCase()];
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new PilegateError('auth.missing', value === undefined ? `${name} is missing` : `${name} is malformed`);
  };
  return {
    keyId: read('Pilegate-Key', /^[\x21-\x7e]{1,64}$/),
    timestamp: read('Pilegate-Timestamp', /^\d{1,12}$/),
    nonce: read('Pilegate-Nonce', /^[\x21-\x7e]{16,64}$/),
    signature: read('Pilegate-Signature', /^v1=[0-9a-f]{64}$/),
  };
}

/** The text that is signed: version, method, target, timestamp, nonce and body digest, one per line. */
export const signedText = (request: Omit<SignedRequest, 'headers'> & { timestamp: string; nonce: string }): string =>
  ['v1', request.method, request.target, request.timestamp, request.nonce, sha256Hex(request.body)].join('\n');

/** `v1=` and the hex HMAC-SHA256 of the text; the key is the secret as shown to the partner, in UTF-8. */
export const signatureOf = (secret: string, text: string): string =>
  `v1=${createHmac('sha256', secret).update(text).digest('hex')}`;

/**
 * Checks signature, then time: whoever does not hold the secret learns nothing about the clock.
 *
 * @throws PilegateError `auth.bad_signature` or `auth.stale_timestamp`
 */
export function verifySignature(request: SignedRequest, secret: string, nowMs: number): void {
  const { timestamp, nonce, signature } = request.headers;
  const expected = Buffer.from(signatureOf(secret, signedText({ ...request, timestamp, nonce })));
  const given = Buffer.from(signature);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
    throw new PilegateError('auth.bad_signature', `key ${request.headers.keyId}`);
  }
  const offS = Math.abs(Math.floor(nowMs / 1000) - Number(timestamp));
  if (offS > WINDOW_S) throw new PilegateError('auth.stale_timestamp', `${offS} s off, at most ${WINDOW_S}`);
}
