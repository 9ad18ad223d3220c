-- A row is in force from in_force_from_ms on and before until_ms (null: until further notice), for the connectors that it names
-- (JSON; null: the whole site), and counts as long as it has not been replaced. Of several the newest counts.
alter table site_tariffs add column until_ms bigint;
alter table site_tariffs add column connector_ids text;
alter table site_tariffs add column replaced_at_ms bigint;
create index site_tariffs_that_count on site_tariffs (site_id, site_tariff_id) where replaced_at_ms is null;
