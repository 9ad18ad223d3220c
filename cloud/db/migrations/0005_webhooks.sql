create table webhook_endpoints (
  endpoint_id text primary key,
  partner_id text not null references partners,
  environment text not null,
  url text not null,
  -- JSON list; null: every type.
  event_types text,
  secret_sealed text not null,
  created_at_ms bigint not null,
  failing_since_ms bigint,
  disabled_at_ms bigint,
  disabled_reason text,
  deleted_at_ms bigint
);
create index webhook_endpoints_by_partner on webhook_endpoints (partner_id, environment);

create table webhook_events (
  event_id text primary key,
  partner_id text not null references partners,
  environment text not null,
  order_id uuid references orders,
  type text not null,
  -- The bytes that are signed and sent, the same at every attempt.
  payload text not null,
  created_at_ms bigint not null
);

create table webhook_deliveries (
  delivery_id bigint generated always as identity primary key,
  event_id text not null references webhook_events,
  endpoint_id text not null references webhook_endpoints,
  -- The order, or the event itself when it has none: inside a lane a later delivery waits for the earlier.
  lane text not null,
  status text not null check (status in ('pending', 'delivered', 'failed', 'cancelled')),
  attempts integer not null default 0,
  next_attempt_at_ms bigint not null,
  leased_until_ms bigint,
  last_http_status integer,
  last_error text,
  created_at_ms bigint not null,
  finished_at_ms bigint,
  unique (event_id, endpoint_id)
);
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_attempt_at_ms) where status = 'pending';
create index webhook_deliveries_lane on webhook_deliveries (endpoint_id, lane, delivery_id) where status = 'pending';
