import type { Generated } from 'kysely';
import type { Environment } from '../../db/schema.ts';

export type StationAccess = 'all' | 'listed';

export interface PartnerAccessTable {
  partner_id: string;
  environment: Environment;
  stations: StationAccess;
  changed_at_ms: number;
  changed_by: string;
  /** In the log of status changes. */
  changed_position: Generated<number>;
}

export interface PartnerStationsTable {
  partner_id: string;
  site_id: string;
  listed_at_ms: number;
}

export interface PartnerPricesTable {
  partner_price_id: Generated<number>;
  partner_id: string;
  environment: Environment;
  /** Null: every station of the environment. */
  site_id: string | null;
  version: number;
  /** A schedule of tariffs, as JSON. */
  document: string;
  document_sha256: string;
  reason: string;
  put_by: string;
  put_at_ms: number;
  replaced_at_ms: number | null;
}
