import type { Selectable } from 'kysely';

export interface StationHoursTable {
  site_id: string;
  document: string;
  reason: string;
  put_by: string;
  put_at_ms: number;
}

export interface MaintenanceWindowsTable {
  window_id: string;
  site_id: string;
  connector_ids: string | null;
  from_ms: number;
  until_ms: number;
  note: string;
  planned_by: string;
  planned_at_ms: number;
  changed_at_ms: number;
  cancelled_at_ms: number | null;
  cancelled_by: string | null;
  cancel_reason: string | null;
}
export type MaintenanceWindowRow = Selectable<MaintenanceWindowsTable>;
