-- Which stations a partner may use in an environment. No row: all of them.
create table partner_access (
  partner_id text not null references partners,
  environment text not null check (environment in ('sandbox', 'live')),
  stations text not null check (stations in ('all', 'listed')),
  changed_at_ms bigint not null,
  changed_by text not null,
  primary key (partner_id, environment)
);
-- What is listed. It counts only where the access says 'listed'.
create table partner_stations (
  partner_id text not null references partners,
  site_id text not null references sites,
  listed_at_ms bigint not null,
  primary key (partner_id, site_id)
);

-- The prices that a partner pays in place of those of the station: a schedule of tariffs, for one station or (null) for all of the
-- environment. A schedule takes the place of the one before it, and counts as long as it has not been replaced.
create table partner_prices (
  partner_price_id bigint generated always as identity primary key,
  partner_id text not null references partners,
  environment text not null check (environment in ('sandbox', 'live')),
  site_id text references sites,
  version integer not null,
  document text not null,
  document_sha256 text not null,
  reason text not null,
  put_by text not null,
  put_at_ms bigint not null,
  replaced_at_ms bigint
);
create unique index partner_prices_by_version on partner_prices (partner_id, environment, coalesce(site_id, ''), version);
create unique index partner_prices_that_count on partner_prices (partner_id, environment, coalesce(site_id, ''))
  where replaced_at_ms is null;
