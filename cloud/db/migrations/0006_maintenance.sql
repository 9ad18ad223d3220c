-- A command of our own staff belongs to no partner's operation and to no order.
alter table commands alter column operation_id drop not null;
alter table commands alter column order_id drop not null;
alter table commands add constraint commands_of_somebody check (
  (kind = 'maintain') = (operation_id is null) and (kind = 'maintain') = (order_id is null)
);

-- Who wanted what done on site. How it is getting on stands with its command.
create table maintenance (
  command_id uuid primary key references commands,
  request_id text not null unique,
  body_sha256 text not null,
  site_id text not null references sites,
  connector_id text not null references connectors,
  action text not null check (action in ('reboot', 'unlock', 'disable', 'enable')),
  stop_running boolean not null,
  requested_by text not null,
  created_at_ms bigint not null,
  expires_at_ms bigint not null,
  code text,
  detail text,
  finished_at_ms bigint
);
create index maintenance_by_connector on maintenance (connector_id, created_at_ms);
