-- Ranges from which calls are taken, as JSON; null: from everywhere.
alter table partners add column allowed_cidrs text;
alter table partners add column suspended_at_ms bigint;
alter table partners add column suspended_reason text;
-- Whether a key that behaves unusually is disabled without asking a person.
alter table partners add column suspends_unusual boolean not null default false;

alter table partner_keys add column label text;
alter table partner_keys add column allowed_cidrs text;
-- Limits of its own by endpoint class, as JSON; null: those of the platform.
alter table partner_keys add column limits text;
-- Null: it does not end by itself. Otherwise it has been replaced, and this is when the overlap is over.
alter table partner_keys add column expires_at_ms bigint;
alter table partner_keys add column replaced_by text references partner_keys;
-- Disabled can be undone, revoked cannot.
alter table partner_keys add column disabled_reason text;
alter table partner_keys add column revoked_at_ms bigint;
alter table partner_keys add column revoked_reason text;
alter table partner_keys add column last_used_at_ms bigint;
alter table partner_keys add column last_used_from text;
create index partner_keys_by_partner on partner_keys (partner_id, created_at_ms);

-- Token buckets. The time in microseconds at which a bucket will be full again; one that is full needs no row.
create table rate_buckets (
  subject text not null,
  class text not null,
  full_at_us bigint not null,
  primary key (subject, class)
);
create index rate_buckets_by_time on rate_buckets (full_at_us);

-- Callers whose authentication failed too often.
create table auth_bans (
  caller text primary key,
  until_ms bigint not null,
  reason text not null,
  created_at_ms bigint not null
);
