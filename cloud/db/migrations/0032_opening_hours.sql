-- When a station is open, as JSON in the words of the API. No row: nobody has said, and it is always open.
create table station_hours (
  site_id text primary key references sites,
  document text not null,
  reason text not null,
  put_by text not null,
  put_at_ms bigint not null
);

-- Times in which nothing is started at a station, or at some connectors (JSON; null: all of them), announced ahead.
create table maintenance_windows (
  window_id uuid primary key,
  site_id text not null references sites,
  connector_ids text,
  from_ms bigint not null,
  until_ms bigint not null check (until_ms > from_ms),
  note text not null,
  planned_by text not null,
  planned_at_ms bigint not null,
  changed_at_ms bigint not null,
  cancelled_at_ms bigint,
  cancelled_by text,
  cancel_reason text
);
create index maintenance_windows_of_site on maintenance_windows (site_id, until_ms) where cancelled_at_ms is null;
create index maintenance_windows_by_time on maintenance_windows (from_ms, window_id) where cancelled_at_ms is null;
