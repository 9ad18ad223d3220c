-- Times are wall-clock milliseconds since 1970 UTC, given by the application, so that they can be simulated.
-- Documents are JSON text: what arrived is kept as it arrived, and a NUL inside a string cannot break an insert.

create table sites (
  site_id text primary key,
  name text not null,
  environment text not null check (environment in ('sandbox', 'live')),
  timezone text not null,
  shard integer not null check (shard between 0 and 63),
  broker_password_sha256 text not null,
  created_at_ms bigint not null,
  updated_at_ms bigint not null
);
create index sites_by_change on sites (environment, updated_at_ms, site_id);

create table connectors (
  connector_id text primary key,
  site_id text not null references sites,
  pile_id text not null,
  model text not null,
  max_power_w bigint not null check (max_power_w > 0)
);
create index connectors_by_site on connectors (site_id, connector_id);

-- The last word of the pile about each connector. No row: never heard of.
create table connector_states (
  connector_id text primary key references connectors,
  status text not null,
  plugged boolean,
  session_id uuid,
  energy_wh bigint,
  power_w bigint,
  current_ma bigint,
  temperature_c double precision,
  faults text not null,
  observed_at_ms bigint not null,
  -- How old the observation was when the site sent it, by the site's own clock: free of clock differences.
  observation_age_ms bigint not null,
  received_at_ms bigint not null
);

create table tariffs (
  tariff_id text not null,
  version integer not null check (version > 0),
  document text not null,
  document_sha256 text not null,
  created_at_ms bigint not null,
  primary key (tariff_id, version)
);

-- The newest row of a site is the tariff in force there.
create table site_tariffs (
  site_tariff_id bigint generated always as identity primary key,
  site_id text not null references sites,
  tariff_id text not null,
  version integer not null,
  in_force_from_ms bigint not null,
  foreign key (tariff_id, version) references tariffs
);
create index site_tariffs_newest on site_tariffs (site_id, site_tariff_id desc);

create table site_links (
  site_id text primary key references sites,
  connection_epoch uuid,
  store_epoch uuid,
  software text,
  online boolean not null,
  hello_at_ms bigint,
  -- Last state message: the heartbeat. Liveness is its age, never the will alone.
  heard_at_ms bigint
);
