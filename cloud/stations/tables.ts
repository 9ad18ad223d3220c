import type { Generated } from 'kysely';
import type { Environment } from '../db/schema.ts';

/** What comes out of a connector. */
export const connectorKinds = ['ac', 'dc'] as const;
export type ConnectorKind = (typeof connectorKinds)[number];

export interface SitesTable {
  site_id: string;
  name: string;
  environment: Environment;
  timezone: string;
  shard: number;
  created_at_ms: number;
  updated_at_ms: number;
  revoked_at_ms: number | null;
  withdrawn_at_ms: number | null;
  withdrawn_reason: string | null;
}

export interface ConnectorsTable {
  connector_id: string;
  site_id: string;
  pile_id: string;
  model: string;
  max_power_w: number;
  kind: ConnectorKind | null;
  withdrawn_at_ms: number | null;
}

export interface ConnectorStatesTable {
  connector_id: string;
  status: string;
  plugged: boolean | null;
  session_id: string | null;
  energy_wh: number | null;
  power_w: number | null;
  current_ma: number | null;
  temperature_c: number | null;
  /** State of charge of the vehicle that charges. */
  soc_percent: Generated<number | null>;
  faults: string;
  observed_at_ms: number;
  observation_age_ms: number;
  received_at_ms: number;
  public_status: Generated<string>;
  status_before: Generated<string>;
}

export interface PileCodesTable {
  code: string;
  connector_id: string;
  set_by: string;
  set_at_ms: number;
  ended_at_ms: number | null;
}
