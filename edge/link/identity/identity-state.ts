import { z } from 'zod';
import { type CredentialGrant, type CredentialWish, fingerprintSchema } from '#shared/wire/credentials.ts';

/** What only this box knows, and what it asks the cloud with. */
export const secretSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('password'), password: z.string().min(1) }),
  /** PEM: PKCS #8, and PKCS #10. */
  z.object({ kind: z.literal('certificate'), privateKey: z.string().min(1), csr: z.string().min(1) }),
]);
export type Secret = z.infer<typeof secretSchema>;

const credentialSchema = z.object({
  fingerprint: fingerprintSchema,
  secret: secretSchema,
  /** Null: the cloud has not said yet that it takes it. */
  grant: z
    .object({
      certificate: z.string().nullable(),
      /** Both by the cloud's clock. */
      grantedAtMs: z.int(),
      expiresAtMs: z.int().nullable(),
    })
    .nullable(),
});
export type Credential = z.infer<typeof credentialSchema>;

/** All of it is one file: at no moment is there half of it. */
export const identitySchema = z.object({
  version: z.literal(1),
  /** The cloud has welcomed the site with it. */
  current: credentialSchema.nullable(),
  /** What is to take its place: stored before it is asked for, so that what is granted is never lost. */
  next: credentialSchema.nullable(),
  /** SHA-256 of the claim code that has been redeemed last: its file may have outlived that. */
  redeemedClaim: z.string().nullable(),
});
export type Identity = z.infer<typeof identitySchema>;

export const noIdentity: Identity = { version: 1, current: null, next: null, redeemedClaim: null };

type Grant = Pick<CredentialGrant, 'fingerprint' | 'certificate' | 'expiresAtMs'>;

/** What the site may log in with, best first. */
export const candidatesOf = ({ current, next }: Identity): readonly Credential[] =>
  [next, current].filter((one): one is Credential => one !== null && one.grant !== null);

/** The cloud takes the next credential. Word of any other is an old one, and changes nothing. */
export function granted(identity: Identity, grant: Grant, cloudMs: number): Identity {
  const { next } = identity;
  if (next === null || next.fingerprint !== grant.fingerprint || next.grant !== null) return identity;
  if (next.secret.kind === 'certificate' && grant.certificate === null) return identity;
  const { certificate, expiresAtMs } = grant;
  return { ...identity, next: { ...next, grant: { certificate, expiresAtMs, grantedAtMs: cloudMs } } };
}

/** The cloud has welcomed the site with this credential: the one before it has ended there. */
export const proven = (identity: Identity, fingerprint: string): Identity =>
  identity.next?.fingerprint === fingerprint ? { ...identity, current: identity.next, next: null } : identity;

/** When two thirds of its time are over, the next one is asked for. */
export function isRenewalDue({ current, next }: Identity, cloudMs: number): boolean {
  if (next !== null) return next.grant === null;
  const grant = current?.grant ?? null;
  if (grant === null || grant.expiresAtMs === null) return false;
  return cloudMs >= grant.grantedAtMs + Math.floor(((grant.expiresAtMs - grant.grantedAtMs) * 2) / 3);
}

/** What is sent to the cloud for a secret; the secret is not. */
export const wishFor = ({ fingerprint, secret }: Credential): CredentialWish =>
  secret.kind === 'password'
    ? { kind: 'password', passwordSha256: fingerprint }
    : { kind: 'certificate', csr: secret.csr };
