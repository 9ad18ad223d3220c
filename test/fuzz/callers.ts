import { createHash, createHmac } from 'node:crypto';
import type { Dice } from '../sim/dice.ts';

export interface SigningKey {
  readonly key_id: string;
  readonly secret: string;
}

/** How a request is authenticated: rightly, mostly. */
export const credentialFaults = ['none', 'wrong secret', 'unknown key', 'late', 'early', 'altered', 'missing'] as const;
export type CredentialFault = (typeof credentialFaults)[number];

const WINDOW_S = 300;
const STALE_S = WINDOW_S + 60;

/** The four headers over what is sent, by the rules of the documentation, with a fault that is wished for. */
export function signedHeaders(
  key: SigningKey,
  request: { readonly method: string; readonly target: string; readonly body: Buffer },
  fault: CredentialFault,
  dice: Dice,
): Record<string, string> {
  if (fault === 'missing') return { 'pilegate-key': key.key_id };
  const offS = fault === 'late' ? -STALE_S : fault === 'early' ? STALE_S : 0;
  const timestamp = String(Math.floor(Date.now() / 1000) + offS);
  const nonce = dice.uuid();
  const signedBody = fault === 'altered' ? Buffer.concat([request.body, Buffer.from(' ')]) : request.body;
  const digest = createHash('sha256').update(signedBody).digest('hex');
  const text = ['v1', request.method, request.target, timestamp, nonce, digest].join('\n');
  const secret = fault === 'wrong secret' ? 'guessed' : key.secret;
  return {
    'pilegate-key': fault === 'unknown key' ? 'pk_sandbox_nobody' : key.key_id,
    'pilegate-timestamp': timestamp,
    'pilegate-nonce': nonce,
    'pilegate-signature': `v1=${createHmac('sha256', secret).update(text).digest('hex')}`,
  };
}

/** Some address of 198.18.0.0/15, which is for trying things out (RFC 2544): what one has used up is nobody else's loss. */
export const someAddress = (dice: Dice): string =>
  `198.${dice.between(18, 19)}.${dice.between(0, 255)}.${dice.between(1, 254)}`;

/** Somebody who asks, and how a request of theirs shows it. */
export interface Caller {
  /** Whose answers are nobody else's: a partner, a person, an applicant; null: it does not matter. */
  readonly partnerId: string | null;
  headers(request: { readonly method: string; readonly target: string; readonly body: Buffer }): Record<string, string>;
}

export const partnerCaller = (
  partnerId: string,
  key: SigningKey,
  dice: Dice,
): Caller & { readonly key: SigningKey } => ({
  partnerId,
  key,
  headers: (request) => signedHeaders(key, request, 'none', dice),
});

export const bearerCaller = (token: string): Caller => ({
  partnerId: null,
  headers: () => ({ authorization: `Bearer ${token}` }),
});

/** Somebody with no credential, at an address where nobody has used anything up. */
export const stranger = (dice: Dice): Caller => ({
  partnerId: null,
  headers: () => ({ 'x-forwarded-for': someAddress(dice) }),
});
