import type { CredentialGrant } from '#shared/wire/credentials.ts';
import type { BrokerLogin } from './broker-session.ts';

/** What the link logs in with, and what it tells about that. */
export interface LinkLogin {
  /** A connection is to be made. Null: there is nothing to log in with yet. */
  login(): BrokerLogin | null;
  /** What the present connection has been made with, as the cloud knows it; null: it does not. */
  fingerprint(): string | null;
  /** The cloud has welcomed the site, and told its time. */
  welcomed(serverWallMs: number): void;
  granted(grant: CredentialGrant): void;
  /** The cloud has refused a renewal. */
  refused(): void;
}

/** A password that somebody has put into a file, or none: it stays as it is. */
export function fixedLogin(password: string | null): LinkLogin {
  return {
    login: () => (password === null ? { kind: 'none' } : { kind: 'password', password }),
    fingerprint: () => null,
    welcomed: () => {},
    granted: () => {},
    refused: () => {},
  };
}
