import { z } from 'zod';
import { siteIdSchema } from '../ids.ts';
import { SHARD_COUNT, WIRE_VERSION } from './topics.ts';

const version = z.literal(WIRE_VERSION);

/** What a credential is known by on both sides: SHA-256, in hexadecimal, of the password, or of the public key (SPKI, DER). */
export const fingerprintSchema = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in lower-case hexadecimal');

export const credentialKindSchema = z.enum(['password', 'certificate']);
export type CredentialKind = z.infer<typeof credentialKindSchema>;

const pemSchema = z.string().min(1).max(16_384);

/** What a site asks to be known by. The secret itself is made on site and stays there. */
export const credentialWishSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('password'), passwordSha256: fingerprintSchema }),
  /** PKCS #10, PEM. Its subject does not matter: the cloud knows who asks. */
  z.object({ kind: z.literal('certificate'), csr: pemSchema }),
]);
export type CredentialWish = z.infer<typeof credentialWishSchema>;

/** up/renewal: the site asks for its next credential, while the present one holds. Repeated until it is granted. */
export const renewalSchema = z.object({ v: version, siteId: siteIdSchema, wish: credentialWishSchema });
export type Renewal = z.infer<typeof renewalSchema>;

const grantShape = {
  fingerprint: fingerprintSchema,
  /** PEM; null with a password. */
  certificate: pemSchema.nullable(),
  /** By the cloud's clock; null: it does not expire. */
  expiresAtMs: z.int().nullable(),
} as const;

/**
 * down/credential: the next credential is good from now on, beside the present one. When the site has said hello with it
 * (`credential` there), the present one ends.
 */
export const credentialGrantSchema = z.object({ v: version, ...grantShape });
export type CredentialGrant = z.infer<typeof credentialGrantSchema>;

/** Body of `POST /site/v1/claims`: a site exchanges its one-time code for the first credential, or for one in place of a lost one. */
export const claimRequestSchema = z.strictObject({
  claimCode: z.string().min(1).max(64),
  siteId: siteIdSchema,
  wish: credentialWishSchema,
});
export type ClaimRequest = z.infer<typeof claimRequestSchema>;

/** Its answer. */
export const claimAnswerSchema = z.object({
  siteId: siteIdSchema,
  shard: z
    .int()
    .min(0)
    .max(SHARD_COUNT - 1),
  ...grantShape,
  /** Of the cloud, now. */
  serverWallMs: z.int(),
});
export type ClaimAnswer = z.infer<typeof claimAnswerSchema>;
