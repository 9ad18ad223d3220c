-- In which order events were told, also those that no endpoint was there for.
alter table webhook_events add column position bigint generated always as identity;
create index webhook_deliveries_replayed on webhook_deliveries (endpoint_id) where status = 'pending' and replay_id is not null;
create index webhook_events_by_age on webhook_events using brin (created_at_ms);
