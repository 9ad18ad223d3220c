import type { Generated, Selectable } from 'kysely';

/** What a site may log in with. */
export interface SiteCredentialsTable {
  fingerprint: string;
  site_id: string;
  number: Generated<number>;
  kind: 'password' | 'certificate';
  granted_by: 'staff' | 'claim' | 'rotation';
  certificate: string | null;
  serial: string | null;
  granted_at_ms: number;
  expires_at_ms: number | null;
  proven_at_ms: number | null;
  ended_at_ms: number | null;
  end_reason: 'replaced' | 'revoked' | null;
}
export type SiteCredentialRow = Selectable<SiteCredentialsTable>;

/** One-time codes, by their digest. */
export interface SiteClaimsTable {
  code_sha256: string;
  site_id: string;
  requested_by: string;
  created_at_ms: number;
  expires_at_ms: number;
  redeemed_at_ms: number | null;
  fingerprint: string | null;
  cancelled_at_ms: number | null;
}
