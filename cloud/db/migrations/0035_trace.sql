-- Who has asked for an operation, so that a request can be followed from the partner's call; null where it was asked for before these were kept.
alter table operations add column key_id text;
alter table operations add column caller_address text;
alter table operations add column correlation_id text;
-- Of the `traceparent` that the partner has sent with it, if any.
alter table operations add column trace_id text;
create index operations_by_request on operations (request_id);

-- When a command was given to the broker first and last, and when its site said that it has it, and how it ended.
alter table commands add column first_sent_at_ms bigint;
alter table commands add column last_sent_at_ms bigint;
alter table commands add column received_at_ms bigint;
alter table commands add column ended_at_ms bigint;
