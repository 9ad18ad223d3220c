-- Vehicles that stayed plugged in after their charge: the site's records, and what the cloud made of them.
create table occupancies (
  occupancy_id uuid primary key,
  site_id text not null references sites,
  session_id uuid not null,
  order_id uuid not null references orders,
  document text not null,
  document_sha256 text not null,
  -- What the cloud rated from the same stay; null when it could not.
  rerated text,
  -- False: a person has to look at it before it is charged.
  is_agreed boolean not null,
  received_at_ms bigint not null,
  unique (site_id, session_id)
);
create index occupancies_by_order on occupancies (order_id);
