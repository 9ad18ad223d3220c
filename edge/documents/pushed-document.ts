import { createPublicKey, verify } from 'node:crypto';
import {
  type DocumentKeys,
  type DocumentKeysOffer,
  type DocumentSignature,
  documentKeysSchema,
  signedTextOf,
  signedTextOfKeys,
} from '#shared/document-signing.ts';
import type { ErrorCode } from '#shared/errors.ts';
import type { DocumentPush } from '#shared/wire/messages.ts';

/** Whose pushes are accepted. `none`: nobody's key is known yet. `unreadable`: keys are pinned, and which they are cannot be told. */
export type PinnedKeys =
  | { readonly kind: 'none' }
  | { readonly kind: 'pinned'; readonly keys: DocumentKeys }
  | { readonly kind: 'unreadable'; readonly reason: string };

export interface PushRefusal {
  readonly code: ErrorCode;
  readonly detail: string;
}

/**
 * Why a pushed document is not to be looked at; null when it may be. One good signature by a pinned key is enough. While no key is pinned
 * every push may be.
 */
export function refusalOfPush(push: DocumentPush, siteId: string, pinned: PinnedKeys): PushRefusal | null {
  if (pinned.kind === 'none') return null;
  if (pinned.kind === 'unreadable') return { code: 'document.unsigned', detail: pinned.reason };
  const signatures = push.signatures ?? [];
  const known = signatures.filter(({ keyId }) => publicKeyOf(pinned.keys, keyId) !== null);
  if (known.length === 0) {
    const accepted = pinned.keys.keys.map(({ keyId }) => keyId).join(', ');
    const by = signatures.map(({ keyId }) => keyId).join(', ');
    return { code: 'document.unsigned', detail: `signed by ${by || 'nobody'}; accepted here: ${accepted}` };
  }
  const text = signedTextOf({ siteId, ...push });
  if (known.some((signature) => fits(pinned.keys, signature, text))) return null;
  return { code: 'document.bad_signature', detail: `what ${known[0]?.keyId} has signed is something else` };
}

/**
 * The keys to pin in place of those that are, or null: the first ones that are offered, and later ones only with the signature of a
 * key that is pinned.
 */
export function keysToPin(offer: DocumentKeysOffer, pinned: PinnedKeys): DocumentKeys | null {
  if (pinned.kind === 'unreadable') return null;
  const offered = keysIn(offer.text);
  if (offered === null) return null;
  if (pinned.kind === 'none') return offered;
  if (offered.serial <= pinned.keys.serial) return null;
  const text = signedTextOfKeys(offer.text);
  return offer.signatures.some((signature) => fits(pinned.keys, signature, text)) ? offered : null;
}

/** Null when it is no list of keys. */
export function keysIn(text: string): DocumentKeys | null {
  try {
    return documentKeysSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function publicKeyOf({ keys }: DocumentKeys, keyId: string): string | null {
  return keys.find((key) => key.keyId === keyId)?.publicKey ?? null;
}

/** DER of an Ed25519 public key (RFC 8410), up to the key's own bytes. */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

function fits(pinned: DocumentKeys, { keyId, signature }: DocumentSignature, text: string): boolean {
  const publicKey = publicKeyOf(pinned, keyId);
  if (publicKey === null) return false;
  const der = Buffer.concat([SPKI_HEAD, Buffer.from(publicKey, 'base64')]);
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  } catch {
    // It is no point of the curve.
    return false;
  }
}
