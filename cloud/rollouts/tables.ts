import type { Generated, Selectable } from 'kysely';
import type { DocumentKind } from '#shared/documents.ts';
import type { RolloutSiteState, RolloutState } from './machine.ts';

// Columns as the migration defines them.

export interface RolloutsTable {
  rollout_id: string;
  request_id: string;
  body_sha256: string;
  kind: DocumentKind;
  text: string | null;
  reason: string;
  requested_by: string;
  state: RolloutState;
  wave: number;
  waves: number;
  wave_begun_at_ms: number;
  soak_ms: number;
  answer_within_ms: number;
  away_after_ms: number;
  halt_at_failures: number;
  is_reverting: boolean;
  created_at_ms: number;
  finished_at_ms: number | null;
}
export type RolloutRow = Selectable<RolloutsTable>;

export interface RolloutSitesTable {
  rollout_id: string;
  site_id: string;
  place: number;
  wave: number;
  text: string | null;
  /** JSON. */
  site_values: string | null;
  state: RolloutSiteState;
  detail: string | null;
  changed_at_ms: number;
  version: number | null;
  digest: string | null;
  sent_at_ms: number | null;
  before_version: number | null;
  before_digest: string | null;
  revert_version: number | null;
  revert_digest: string | null;
}
export type RolloutSiteRow = Selectable<RolloutSitesTable>;

export interface RolloutStepsTable {
  rollout_step_id: Generated<number>;
  rollout_id: string;
  at_ms: number;
  done_by: string;
  site_id: string | null;
  step: string;
  detail: string | null;
}
