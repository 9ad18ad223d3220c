import type { Generated, Selectable } from 'kysely';

interface StatusChange {
  connector_id: string;
  status: string;
  previous_status: string;
  plugged: boolean | null;
  observed_at_ms: number;
  observation_age_ms: number;
  received_at_ms: number;
  changed_at_ms: number;
}

export interface UnnumberedStatusChangesTable extends StatusChange {
  change_id: Generated<number>;
}

export interface StatusChangesTable extends StatusChange {
  position: number;
}
export type StatusChangeRow = Selectable<StatusChangesTable>;

export interface StatusPositionsTable {
  name: 'head' | 'floor' | 'webhooks';
  position: number;
}

export interface StatusStreamsTable {
  stream_id: string;
  key_id: string;
  process_id: string;
  opened_at_ms: number;
  seen_at_ms: number;
}
