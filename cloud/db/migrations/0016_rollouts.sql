-- What documents for sites are signed with. A key that was left signs lists of keys still: a site may know no other.
create table document_keys (
  key_id text primary key,
  public_key text not null,
  private_key_sealed text not null,
  created_at_ms bigint not null,
  left_at_ms bigint
);

-- Null: the site has not said. Older software leaves documents out of its hello, and understands neither limits nor holds.
alter table site_links add column knows_documents boolean;
-- The keys that the site accepts documents from, as JSON; null: it knows no signatures.
alter table site_links add column document_key_ids text;
update site_links set knows_documents = exists (
  select 1 from site_documents_in_force where site_documents_in_force.site_id = site_links.site_id)
  where hello_at_ms is not null;

alter table site_documents add column code text;

-- A document for many sites, wave after wave.
create table rollouts (
  rollout_id text primary key,
  request_id text not null unique,
  body_sha256 text not null,
  kind text not null check (kind in ('site', 'tariffs', 'access')),
  -- For the sites that have no text of their own; with places for their values.
  text text,
  reason text not null,
  requested_by text not null,
  state text not null check (state in ('running', 'paused', 'halted', 'aborted', 'completed')),
  -- The wave under way and how many there are, from 0.
  wave bigint not null,
  waves bigint not null,
  wave_begun_at_ms bigint not null,
  soak_ms bigint not null,
  answer_within_ms bigint not null,
  away_after_ms bigint not null,
  halt_at_failures bigint not null,
  -- Sites that have it are to get back what they had.
  is_reverting boolean not null,
  created_at_ms bigint not null,
  -- Null: there is something to do or to wait for.
  finished_at_ms bigint
);
create index rollouts_open on rollouts (created_at_ms) where finished_at_ms is null;

create table rollout_sites (
  rollout_id text not null references rollouts,
  site_id text not null references sites,
  -- As staff named the sites: the first come first.
  place bigint not null,
  wave bigint not null,
  text text,
  site_values text,
  state text not null,
  detail text,
  changed_at_ms bigint not null,
  -- What it was sent as, and what was in force then.
  version bigint,
  digest text,
  sent_at_ms bigint,
  before_version bigint,
  before_digest text,
  -- What it was sent to go back.
  revert_version bigint,
  revert_digest text,
  primary key (rollout_id, site_id)
);
create index rollout_sites_of_site on rollout_sites (site_id);

-- Who did what when, and why: people by name, the platform by itself as 'platform'.
create table rollout_steps (
  rollout_step_id bigint generated always as identity primary key,
  rollout_id text not null references rollouts,
  at_ms bigint not null,
  done_by text not null,
  site_id text,
  step text not null,
  detail text
);
create index rollout_steps_of_rollout on rollout_steps (rollout_id, rollout_step_id);
