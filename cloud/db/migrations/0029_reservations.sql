-- A connector that is kept for somebody who is still to come. The site holds it; this is what is known of that.
create table reservations (
  reservation_id uuid primary key,
  partner_id text not null references partners,
  environment text not null,
  state text not null check (state in (
    'requested', 'active', 'used', 'cancelled', 'expired', 'rejected', 'released', 'lost')),
  request_id text not null,
  site_id text not null references sites,
  pile_id text not null,
  connector_id text not null references connectors,
  until_ms bigint not null,
  -- What a reservation that leads to no charge is priced by.
  tariff_id text not null,
  tariff_version integer not null,
  created_at_ms bigint not null,
  active_at_ms bigint,
  ended_at_ms bigint,
  updated_at_ms bigint not null,
  -- Who wanted it cancelled first: the partner, or who of the staff.
  cancelled_by text,
  end_reason text,
  code text,
  detail text,
  held_ms bigint,
  order_id uuid references orders,
  -- A bill of fees as JSON; null: nothing is asked for it beside the bill of a charge.
  fee text,
  -- The site has not named it in a hello. It is lost when all events of that store up to there are known and it has not ended by them.
  missing_epoch uuid,
  missing_seq bigint,
  foreign key (tariff_id, tariff_version) references tariffs
);
-- At most one is under way at a connector, whatever the number of API processes.
create unique index reservations_one_open on reservations (connector_id) where state in ('requested', 'active');
create index reservations_open_by_site on reservations (site_id) where state in ('requested', 'active');
create index reservations_open_by_partner on reservations (partner_id, environment) where state in ('requested', 'active');
create index reservations_by_change on reservations (partner_id, environment, updated_at_ms, reservation_id);
create index reservations_by_order on reservations (order_id) where order_id is not null;

alter table operations alter column order_id drop not null;
alter table operations add column reservation_id uuid references reservations;
alter table operations drop constraint operations_kind_check;
alter table operations add constraint operations_kind_check check (
  kind in ('start', 'stop', 'raise-hold', 'reserve', 'cancel-reservation'));
alter table operations add constraint operations_of_something check (
  (kind in ('reserve', 'cancel-reservation')) = (order_id is null) and (order_id is null) = (reservation_id is not null));
create index operations_by_reservation on operations (reservation_id) where reservation_id is not null;

alter table commands add column reservation_id uuid;
alter table commands drop constraint commands_of_somebody;
-- A stop and a cancel of a reservation are also wanted by our own staff, and by nobody's operation.
alter table commands add constraint commands_of_somebody check (case
  when kind = 'maintain' then operation_id is null and order_id is null and reservation_id is null
  when kind in ('reserve', 'cancel-reservation') then order_id is null and reservation_id is not null
  else order_id is not null and reservation_id is null and (operation_id is not null or kind = 'stop') end);
create index commands_by_reservation on commands (reservation_id) where reservation_id is not null;

-- Null: no hello since this is known. False: software that knows no reservations.
alter table site_links add column knows_reservations boolean;
