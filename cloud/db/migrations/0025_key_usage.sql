-- How keys are used, in windows of five minutes: what an unusual use is told from.
create table key_usage (
  key_id text not null references partner_keys,
  window_at_ms bigint not null,
  class text not null,
  -- The address that called, of IPv6 its network.
  source text not null,
  calls integer not null,
  primary key (key_id, window_at_ms, class, source)
);
create index key_usage_by_window on key_usage (window_at_ms);
