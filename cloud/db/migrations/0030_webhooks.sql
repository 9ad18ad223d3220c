alter table webhook_endpoints add column description text;
-- The partner wants nothing sent for now: what happens waits.
alter table webhook_endpoints add column paused_at_ms bigint;
-- Until then the secret before this one signs as well.
alter table webhook_endpoints add column former_secret_sealed text;
alter table webhook_endpoints add column former_secret_until_ms bigint;

-- What it is in order with; null: its order, or nothing.
alter table webhook_events add column lane text;
create index webhook_events_by_partner on webhook_events (partner_id, environment, created_at_ms);
create index webhook_events_by_order on webhook_events (order_id) where order_id is not null;

-- How each attempt went, as JSON; the last twenty.
alter table webhook_deliveries add column tries text;
-- The request that had it sent once more; null: it is the first.
alter table webhook_deliveries add column replay_id text;
alter table webhook_deliveries drop constraint webhook_deliveries_event_id_endpoint_id_key;
create index webhook_deliveries_by_event on webhook_deliveries (event_id, endpoint_id, delivery_id);
-- An event waits once at an endpoint, however often it is asked for.
create unique index webhook_deliveries_once on webhook_deliveries (event_id, endpoint_id) where status = 'pending';
create index webhook_deliveries_by_endpoint on webhook_deliveries (endpoint_id, delivery_id);
create index webhook_deliveries_by_age on webhook_deliveries using brin (created_at_ms);

create table webhook_replays (
  replay_id text primary key,
  partner_id text not null references partners,
  environment text not null,
  request_id text not null,
  body_sha256 text not null,
  -- The answer, as JSON: the same whenever it is asked for again.
  answer text not null,
  created_at_ms bigint not null,
  unique (partner_id, environment, request_id)
);
