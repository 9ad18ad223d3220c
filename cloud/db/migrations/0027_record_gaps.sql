-- Records that a site was told to forget and that are not here any more: the database was put back from a backup.
create table record_gaps (
  gap_id uuid primary key,
  site_id text not null references sites,
  store_epoch uuid not null,
  stream text not null,
  first_seq bigint not null,
  last_seq bigint not null,
  found_at_ms bigint not null
);
create index record_gaps_by_store on record_gaps (site_id, store_epoch, found_at_ms);
