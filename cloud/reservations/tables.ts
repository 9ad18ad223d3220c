import type { Selectable } from 'kysely';
import type { ErrorCode } from '#shared/errors.ts';
import type { Environment } from '../db/schema.ts';
import type { ReservationState } from './machine.ts';

export interface ReservationsTable {
  reservation_id: string;
  partner_id: string;
  environment: Environment;
  state: ReservationState;
  request_id: string;
  site_id: string;
  pile_id: string;
  connector_id: string;
  until_ms: number;
  tariff_id: string;
  tariff_version: number;
  created_at_ms: number;
  active_at_ms: number | null;
  ended_at_ms: number | null;
  updated_at_ms: number;
  cancelled_by: string | null;
  end_reason: string | null;
  code: string | null;
  detail: string | null;
  held_ms: number | null;
  order_id: string | null;
  /** A bill of fees as JSON. */
  fee: string | null;
  /** What a start with it was refused for, where that was not its holder's fault. */
  kept_out_code: ErrorCode | null;
  missing_epoch: string | null;
  missing_seq: number | null;
}
export type ReservationRow = Selectable<ReservationsTable>;
