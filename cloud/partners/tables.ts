import type { Generated, Selectable } from 'kysely';
import type { Environment } from '../db/schema.ts';
import type { FileContent } from './onboarding/file-content.ts';
import type { ApplicationState, Decision } from './onboarding/machine.ts';
import type { EndpointClass } from './rate-policy.ts';

export interface PartnersTable {
  partner_id: string;
  name: string;
  created_at_ms: number;
  credit_code: Generated<string | null>;
  approved_by: Generated<string | null>;
  /** Null: not approved, and without keys. */
  approved_at_ms: Generated<number | null>;
  /** JSON. */
  allowed_cidrs: Generated<string | null>;
  suspended_at_ms: Generated<number | null>;
  suspended_reason: Generated<string | null>;
  suspends_unusual: Generated<boolean>;
}
export type PartnerRow = Selectable<PartnersTable>;

export interface PartnerKeysTable {
  key_id: string;
  partner_id: string;
  /** The first key of the chain of rotations that this one is of. */
  family_id: string;
  environment: Environment;
  scopes: string;
  secret_sealed: string;
  created_at_ms: number;
  disabled_at_ms: number | null;
  disabled_reason: Generated<string | null>;
  label: Generated<string | null>;
  /** JSON, as are the limits. */
  allowed_cidrs: Generated<string | null>;
  limits: Generated<string | null>;
  expires_at_ms: Generated<number | null>;
  replaced_by: Generated<string | null>;
  revoked_at_ms: Generated<number | null>;
  revoked_reason: Generated<string | null>;
  last_used_at_ms: Generated<number | null>;
  last_used_from: Generated<string | null>;
}
export type PartnerKeyRow = Selectable<PartnerKeysTable>;

export interface PartnerApplicationsTable {
  application_id: string;
  token_sha256: string;
  state: ApplicationState;
  revision: number;
  submissions: number;
  credit_code: string;
  document: string;
  created_at_ms: number;
  updated_at_ms: number;
  submitted_at_ms: number | null;
  partner_id: string | null;
}
export type ApplicationRow = Selectable<PartnerApplicationsTable>;

export const filePurposes = ['business-licence', 'authorisation', 'other'] as const;
export type FilePurpose = (typeof filePurposes)[number];

export interface ApplicationFilesTable {
  file_id: string;
  application_id: string;
  purpose: FilePurpose;
  content_kind: FileContent;
  name: string;
  bytes: number;
  sha256: string;
  content: Uint8Array;
  created_at_ms: number;
  removed_at_ms: number | null;
}

export interface ApplicationReviewsTable {
  review_id: string;
  application_id: string;
  revision: number;
  decision: Decision;
  reason: string;
  evidence: string;
  files: string;
  reviewed_by: string;
  reviewed_at_ms: number;
}
export type ApplicationReviewRow = Selectable<ApplicationReviewsTable>;

export interface KeyUsageTable {
  family_id: string;
  window_at_ms: number;
  class: EndpointClass;
  source: string;
  calls: number;
}

export interface AuthBansTable {
  caller: string;
  until_ms: number;
  reason: string;
  created_at_ms: number;
}

export interface FirstAnswersTable {
  partner_id: string;
  environment: Environment;
  action: string;
  request_id: string;
  body_sha256: string;
  subject_id: string;
  /** JSON; null: it is not said again. */
  answer_sealed: string | null;
  created_at_ms: number;
}
export type FirstAnswerRow = Selectable<FirstAnswersTable>;
