create table cursors (
  site_id text not null references sites,
  store_epoch uuid not null,
  stream text not null,
  acked_seq bigint not null check (acked_seq >= 0),
  primary key (site_id, store_epoch, stream)
);

create table site_records (
  site_id text not null,
  store_epoch uuid not null,
  stream text not null,
  seq bigint not null,
  kind text not null,
  body text not null,
  body_sha256 text not null,
  -- Null: applied. Otherwise the code it was refused with; the record then stands in dead_letters too.
  refused_code text,
  refused_detail text,
  received_at_ms bigint not null,
  primary key (site_id, store_epoch, stream, seq)
);

create table dead_letters (
  dead_letter_id bigint generated always as identity primary key,
  source text not null check (source in ('record', 'message', 'edge-nack')),
  site_id text,
  store_epoch uuid,
  stream text,
  seq bigint,
  topic text,
  code text not null,
  reason text not null,
  payload text not null,
  payload_sha256 text not null,
  received_at_ms bigint not null
);
-- A record that is sent again is one dead letter, however often it comes.
create unique index dead_letters_once on dead_letters (site_id, store_epoch, stream, seq, code, payload_sha256)
  where source = 'record';

create table alarms (
  alarm_id uuid primary key,
  source text not null check (source in ('site', 'platform')),
  code text not null,
  severity text not null,
  site_id text,
  pile_id text,
  connector_id text,
  session_id uuid,
  partner_id text,
  detail text not null,
  raised_at_ms bigint not null,
  received_at_ms bigint not null
);
