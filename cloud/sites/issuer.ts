import { PilegateError } from '#shared/errors.ts';
import type { CredentialKind, CredentialWish } from '#shared/wire/credentials.ts';

/** A credential as it is stored and told; the secret is the site's. */
export interface Issued {
  readonly kind: CredentialKind;
  readonly fingerprint: string;
  /** PEM; null with a password. */
  readonly certificate: string | null;
  /** Hexadecimal; null with a password. */
  readonly serial: string | null;
  readonly expiresAtMs: number | null;
}

/** Makes what a site asks for into a credential that its broker takes. */
export interface CredentialIssuer {
  /** What the broker of this cloud takes. */
  readonly kind: CredentialKind;
  /** @throws PilegateError `credential.kind`; `credential.refused` where the request itself is not good */
  issue(wish: CredentialWish, siteId: string, nowMs: number): Promise<Issued>;
}

/** The issuer of a process that cannot give what its broker takes. */
export const noIssuer = (kind: CredentialKind, why: string): CredentialIssuer => ({
  kind,
  issue: () => Promise.reject(new PilegateError('credential.refused', why)),
});

/** The issuer beside the embedded broker: of the password the site tells the digest. */
export function passwordIssuer(lifetimeMs: number): CredentialIssuer {
  return {
    kind: 'password',
    issue(wish, _siteId, nowMs) {
      if (wish.kind !== 'password')
        return Promise.reject(
          new PilegateError('credential.kind', 'the broker here takes passwords: ask for "password"'),
        );
      return Promise.resolve({
        kind: 'password',
        fingerprint: wish.passwordSha256,
        certificate: null,
        serial: null,
        expiresAtMs: nowMs + lifetimeMs,
      });
    },
  };
}
