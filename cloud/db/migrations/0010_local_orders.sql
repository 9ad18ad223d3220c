-- Who began a charge on site: the kind, and what its site calls the card or the technician.
alter table orders add column started_by_kind text check (started_by_kind in ('card', 'technician'));
alter table orders add column started_by_reference text;
alter table orders add constraint orders_started_by check ((started_by_kind is null) = (started_by_reference is null));

-- A site alone knows what it has begun by itself, and tells it in order: only orders of ours compete for a connector.
drop index orders_one_active;
create unique index orders_one_active on orders (connector_id) where state in ('starting', 'charging') and origin = 'remote';
-- One order for each charge that was begun on site, whichever of its records comes first.
create unique index orders_one_per_local_session on orders (site_id, session_id) where origin = 'local';
