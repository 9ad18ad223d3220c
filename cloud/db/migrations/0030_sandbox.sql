-- What partners make happen at simulated piles. Over: at its end, or when it was ended before.
create table sandbox_faults (
  fault_id text primary key,
  partner_id text not null references partners,
  site_id text not null references sites,
  connector_id text not null references connectors,
  kind text not null,
  started_at_ms bigint not null,
  ends_at_ms bigint not null,
  ended_at_ms bigint
);
create index sandbox_faults_by_site on sandbox_faults (site_id, ends_at_ms) where ended_at_ms is null;
create index sandbox_faults_by_partner on sandbox_faults (partner_id, started_at_ms);
