-- Times of orders that were told while the site's clock was not confirmed: the site may correct them.
create table unconfirmed_times (
  order_id uuid not null references orders,
  moment text not null check (moment in ('started', 'ended')),
  site_id text not null references sites,
  boot_id uuid not null,
  mono_ms bigint not null,
  clock text not null check (clock in ('none', 'doubtful')),
  primary key (order_id, moment)
);
create index unconfirmed_times_by_boot on unconfirmed_times (site_id, boot_id);

-- What a site has found out about the clock of one of its boots: a stamp is to be read as mono_ms + offset_ms.
create table clock_corrections (
  clock_correction_id bigint generated always as identity primary key,
  site_id text not null references sites,
  boot_id uuid not null,
  offset_ms bigint not null,
  correction_ms bigint not null,
  quality text not null check (quality in ('doubtful', 'trusted')),
  received_at_ms bigint not null
);
create index clock_corrections_by_boot on clock_corrections (site_id, boot_id);
