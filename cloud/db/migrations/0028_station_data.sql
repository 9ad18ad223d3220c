-- Withdrawn: shown as such, and nothing is started there any more.
alter table sites add column withdrawn_at_ms bigint;
alter table sites add column withdrawn_reason text;
alter table connectors add column withdrawn_at_ms bigint;
-- What comes out of it; null: nobody has said.
alter table connectors add column kind text check (kind in ('ac', 'dc'));

-- When it was put, or replaced: where whoever pages by change finds it.
alter table site_tariffs add column updated_at_ms bigint not null default 0;
update site_tariffs set updated_at_ms =
  coalesce(replaced_at_ms, (select least(in_force_from_ms, sites.updated_at_ms) from sites where sites.site_id = site_tariffs.site_id));

-- What is printed on the pile for each connector. A code is never another connector's, not even when it has ended.
create table pile_codes (
  code text primary key,
  connector_id text not null references connectors,
  set_by text not null,
  set_at_ms bigint not null,
  ended_at_ms bigint
);
create unique index pile_codes_in_use on pile_codes (connector_id) where ended_at_ms is null;
insert into pile_codes (code, connector_id, set_by, set_at_ms)
  select connector_id, connector_id, 'the id of the connector', sites.created_at_ms
  from connectors join sites on sites.site_id = connectors.site_id;

-- What partners were told last, or are about to be; and what it was before that.
alter table connector_states add column public_status text not null default 'unknown';
alter table connector_states add column status_before text not null default 'unknown';

-- Changes of the public status, written in the transaction of the change. Identities are given before the commit, so their order is not
-- the order in which changes become visible, but for one connector, whose row is locked.
create table status_changes_unnumbered (
  change_id bigint generated always as identity primary key,
  connector_id text not null references connectors,
  status text not null,
  previous_status text not null,
  plugged boolean,
  observed_at_ms bigint not null,
  observation_age_ms bigint not null,
  received_at_ms bigint not null,
  changed_at_ms bigint not null
);
-- The same, moved here by one process at a time, which holds the row `head` until it has committed: whoever sees a position sees all
-- before it, and none comes later.
create table status_changes (
  position bigint primary key,
  connector_id text not null references connectors,
  status text not null,
  previous_status text not null,
  plugged boolean,
  observed_at_ms bigint not null,
  observation_age_ms bigint not null,
  received_at_ms bigint not null,
  changed_at_ms bigint not null
);
create index status_changes_by_connector on status_changes (connector_id, position desc);

-- head: the last position given. floor: up to where changes may have been forgotten. webhooks: up to where events have been made.
create table status_positions (
  name text primary key check (name in ('head', 'floor', 'webhooks')),
  position bigint not null
);
insert into status_positions (name, position) values ('head', 0), ('floor', 0), ('webhooks', 0);

-- Connections that are told of changes, of all processes. One that is not seen for a while is no more.
create table status_streams (
  stream_id uuid primary key,
  key_id text not null references partner_keys,
  process_id uuid not null,
  opened_at_ms bigint not null,
  seen_at_ms bigint not null
);
create index status_streams_by_key on status_streams (key_id);
