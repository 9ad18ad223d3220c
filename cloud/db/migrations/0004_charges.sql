create table orders (
  order_id uuid primary key,
  partner_id text references partners,
  origin text not null check (origin in ('remote', 'local')),
  environment text not null,
  state text not null check (state in ('starting', 'charging', 'start_failed', 'completed', 'void', 'abnormal')),
  request_id text,
  site_id text not null references sites,
  pile_id text not null,
  connector_id text not null references connectors,
  tariff_id text,
  tariff_version integer,
  session_id uuid,
  meter_start_wh bigint,
  meter_end_wh bigint,
  energy_wh bigint,
  stop_reason text,
  failure_code text,
  failure_detail text,
  created_at_ms bigint not null,
  started_at_ms bigint,
  ended_at_ms bigint,
  updated_at_ms bigint not null,
  foreign key (tariff_id, tariff_version) references tariffs
);
-- At most one order is under way at a connector, whatever the number of API processes.
create unique index orders_one_active on orders (connector_id) where state in ('starting', 'charging');
create index orders_by_change on orders (partner_id, environment, updated_at_ms, order_id);
create index orders_by_session on orders (session_id);

create table operations (
  operation_id uuid primary key,
  partner_id text not null references partners,
  environment text not null,
  kind text not null check (kind in ('start', 'stop')),
  request_id text not null,
  body_sha256 text not null,
  status text not null check (status in ('accepted', 'succeeded', 'failed')),
  code text,
  detail text,
  order_id uuid not null references orders,
  connector_id text not null,
  created_at_ms bigint not null,
  -- Null: a stop is bound to its session and has no deadline.
  deadline_at_ms bigint,
  finished_at_ms bigint,
  unique (partner_id, environment, kind, request_id)
);
create index operations_by_order on operations (order_id);
create index operations_by_deadline on operations (deadline_at_ms) where status = 'accepted';

create table commands (
  command_id uuid primary key,
  operation_id uuid not null references operations,
  order_id uuid not null references orders,
  site_id text not null references sites,
  shard integer not null,
  kind text not null,
  document text not null,
  status text not null check (status in ('open', 'received', 'done', 'failed')),
  created_at_ms bigint not null,
  expires_at_ms bigint,
  -- Null: nothing to send until the site says hello again.
  next_send_at_ms bigint,
  sent_count integer not null default 0,
  -- Set when the start must not be executed any more; a cancel is then sent in its place.
  cancelled_at_ms bigint,
  -- The site has told how it ended, or nothing is left to tell.
  cancel_closed_at_ms bigint
);
create index commands_to_send on commands (next_send_at_ms) where next_send_at_ms is not null;
create index commands_by_site on commands (site_id) where status in ('open', 'received');
create index commands_by_order on commands (order_id);

create table cdrs (
  cdr_id uuid primary key,
  site_id text not null references sites,
  session_id uuid not null,
  order_id uuid references orders,
  document text not null,
  document_sha256 text not null,
  -- What the cloud rated from the same readings; null when it could not.
  rerated text,
  received_at_ms bigint not null,
  unique (site_id, session_id)
);
create index cdrs_by_order on cdrs (order_id);

create table exceptions (
  exception_id bigint generated always as identity primary key,
  order_id uuid not null references orders,
  cdr_id uuid references cdrs,
  code text not null,
  detail text not null,
  created_at_ms bigint not null,
  resolved_at_ms bigint
);
