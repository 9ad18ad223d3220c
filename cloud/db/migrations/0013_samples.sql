-- Samples of one connector as they came: a run of them with session and status in common, the columns in body as JSON.
create table sample_series (
  site_id text not null references sites,
  connector_id text not null,
  store_epoch uuid not null,
  -- The numbers of its first and its last sample in the stream; between them lie those of other connectors.
  first_seq bigint not null,
  last_seq bigint not null,
  status text not null,
  session_id uuid,
  -- When the first and the last were taken, and what is needed to correct that.
  from_ms bigint not null,
  until_ms bigint not null,
  until_mono_ms bigint not null,
  boot_id uuid not null,
  clock text not null,
  body text not null,
  received_at_ms bigint not null,
  primary key (site_id, connector_id, store_epoch, last_seq)
);
create index sample_series_by_time on sample_series (site_id, connector_id, until_ms);
create index sample_series_by_age on sample_series (received_at_ms);
create index sample_series_unconfirmed on sample_series (site_id, boot_id) where clock <> 'trusted';

-- What stands in the place of samples that a site has not kept. Times and number are null where nobody knows them.
create table sample_losses (
  site_id text not null references sites,
  store_epoch uuid not null,
  first_seq bigint not null,
  last_seq bigint not null,
  reason text not null,
  samples bigint,
  from_ms bigint,
  until_ms bigint,
  received_at_ms bigint not null,
  primary key (site_id, store_epoch, last_seq)
);
create index sample_losses_by_time on sample_losses (site_id, until_ms);
create index sample_losses_by_age on sample_losses (received_at_ms);
