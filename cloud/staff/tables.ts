import type { Selectable } from 'kysely';
import type { AccountRole } from './roles.ts';

/** Columns as the migration defines them. */
export interface StaffAccountsTable {
  staff_id: string;
  name: string;
  role: AccountRole;
  state: 'invited' | 'active' | 'disabled';
  created_at_ms: number;
  created_by: string;
  password_hash: string | null;
  totp_sealed: string | null;
  totp_last_step: number;
  invitation_sha256: string | null;
  invitation_expires_at_ms: number | null;
}
export type StaffAccountRow = Selectable<StaffAccountsTable>;

export interface StaffRecoveryCodesTable {
  staff_id: string;
  code_sha256: string;
  used_at_ms: number | null;
}

export interface StaffAttemptsTable {
  attempt_key: string;
  failures: number;
  last_at_ms: number;
}

export interface StaffSessionsTable {
  session_id: string;
  staff_id: string;
  token_sha256: string;
  address: string;
  created_at_ms: number;
  seen_at_ms: number;
  expires_at_ms: number;
  ended_at_ms: number | null;
}

export interface StaffConfirmationsTable {
  challenge_id: string;
  session_id: string;
  action: string;
  request_sha256: string;
  created_at_ms: number;
  token_sha256: string | null;
  expires_at_ms: number | null;
  used_at_ms: number | null;
}
