import type { Generated, Selectable } from 'kysely';
import type { Environment } from '../db/schema.ts';

export interface WebhookEndpointsTable {
  endpoint_id: string;
  partner_id: string;
  environment: Environment;
  url: string;
  description: Generated<string | null>;
  /** JSON list; null: none of its own. */
  event_types: string | null;
  secret_sealed: string;
  former_secret_sealed: Generated<string | null>;
  former_secret_until_ms: Generated<number | null>;
  created_at_ms: number;
  failing_since_ms: number | null;
  paused_at_ms: Generated<number | null>;
  disabled_at_ms: number | null;
  disabled_reason: string | null;
  deleted_at_ms: number | null;
}
export type WebhookEndpointRow = Selectable<WebhookEndpointsTable>;

export interface WebhookEventsTable {
  event_id: string;
  position: Generated<number>;
  partner_id: string;
  environment: Environment;
  order_id: string | null;
  lane: Generated<string | null>;
  type: string;
  payload: string;
  created_at_ms: number;
}

export const deliveryStatuses = ['pending', 'delivered', 'failed', 'cancelled'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export interface WebhookDeliveriesTable {
  delivery_id: Generated<number>;
  event_id: string;
  endpoint_id: string;
  lane: string;
  status: DeliveryStatus;
  attempts: Generated<number>;
  /** Of one that is not the first of its lane: not before the first is tried again. */
  next_attempt_at_ms: number;
  leased_until_ms: number | null;
  last_http_status: number | null;
  last_error: string | null;
  /** JSON. */
  tries: Generated<string | null>;
  replay_id: Generated<string | null>;
  created_at_ms: number;
  finished_at_ms: number | null;
}
export type WebhookDeliveryRow = Selectable<WebhookDeliveriesTable>;

export interface WebhookReplaysTable {
  replay_id: string;
  partner_id: string;
  environment: Environment;
  request_id: string;
  body_sha256: string;
  answer: string;
  created_at_ms: number;
}
