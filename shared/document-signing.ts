import { z } from 'zod';
import type { DocumentKind } from './documents.ts';

// Pushed documents are signed with Ed25519 (RFC 8032). What is signed is text in UTF-8 that begins with its purpose, so a signature
// of one purpose means nothing for another.

/** A key's name: the first 16 hex digits of SHA-256 over its 32 bytes. */
export const documentKeyIdSchema = z.string().regex(/^[0-9a-f]{16}$/, '16 hex digits in lower case');

/** By one key; 64 bytes in base64. */
export const documentSignatureSchema = z.object({ keyId: documentKeyIdSchema, signature: z.base64().length(88) });
export type DocumentSignature = z.infer<typeof documentSignatureSchema>;

/** The present key and the next one, with room for one more of either. */
export const MAX_DOCUMENT_KEYS = 4;
export const documentSignaturesSchema = z.array(documentSignatureSchema).max(MAX_DOCUMENT_KEYS);

/** The keys that a cloud signs documents with. `serial` rises with every change, so that an older list takes no newer one's place. */
export const documentKeysSchema = z.object({
  serial: z.int().positive(),
  keys: z
    .array(
      z.object({
        keyId: documentKeyIdSchema,
        /** The public key's 32 bytes in base64. */
        publicKey: z.base64().length(44),
      }),
    )
    .min(1)
    .max(MAX_DOCUMENT_KEYS),
});
export type DocumentKeys = z.infer<typeof documentKeysSchema>;

/** A list of keys as it is offered: its JSON byte for byte, signed by every key that the cloud has, those that it leaves included. */
export const documentKeysOfferSchema = z.object({
  text: z.string().max(4096),
  signatures: documentSignaturesSchema,
});
export type DocumentKeysOffer = z.infer<typeof documentKeysOfferSchema>;

export interface SignedDocument {
  readonly siteId: string;
  readonly documentKind: DocumentKind;
  readonly version: number;
  /** SHA-256 of the text, which the text is checked against. */
  readonly digest: string;
}

/** What is signed of a document: at another site, as another kind or under another number the signature is worth nothing. */
export const signedTextOf = ({ siteId, documentKind, version, digest }: SignedDocument): string =>
  ['pilegate-document-v1', siteId, documentKind, version, digest].join('\n');

/** What is signed of a list of keys. */
export const signedTextOfKeys = (text: string): string => `pilegate-document-keys-v1\n${text}`;
