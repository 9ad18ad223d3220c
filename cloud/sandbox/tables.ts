import type { Selectable } from 'kysely';

export interface SandboxFaultsTable {
  fault_id: string;
  partner_id: string;
  site_id: string;
  connector_id: string;
  kind: string;
  started_at_ms: number;
  ends_at_ms: number;
  ended_at_ms: number | null;
}
export type SandboxFaultRow = Selectable<SandboxFaultsTable>;
