-- What a site may log in with. Of a password its digest is kept, of a certificate the certificate; the key never leaves the site.
create table site_credentials (
  -- SHA-256 in hexadecimal: of the password, or of the public key.
  fingerprint text primary key,
  site_id text not null references sites,
  -- In the order of being granted: two may be granted in one millisecond.
  number bigint generated always as identity,
  kind text not null check (kind in ('password', 'certificate')),
  granted_by text not null check (granted_by in ('staff', 'claim', 'rotation')),
  certificate text,
  serial text,
  granted_at_ms bigint not null,
  -- Null: it does not expire.
  expires_at_ms bigint,
  -- The site has connected with it.
  proven_at_ms bigint,
  ended_at_ms bigint,
  end_reason text check (end_reason in ('replaced', 'revoked')),
  check ((ended_at_ms is null) = (end_reason is null))
);
create index site_credentials_by_site on site_credentials (site_id, number desc);
create unique index site_credentials_by_serial on site_credentials (serial) where serial is not null;

insert into site_credentials (fingerprint, site_id, kind, granted_by, granted_at_ms, proven_at_ms)
  select broker_password_sha256, site_id, 'password', 'staff', created_at_ms, created_at_ms from sites;
alter table sites drop column broker_password_sha256;

-- Revoked: nothing that comes under its name is taken until a new claim has been redeemed.
alter table sites add column revoked_at_ms bigint;

-- A code that a site exchanges once for a credential of its own. Of the code only the digest is kept.
create table site_claims (
  code_sha256 text primary key,
  site_id text not null references sites,
  requested_by text not null,
  created_at_ms bigint not null,
  expires_at_ms bigint not null,
  redeemed_at_ms bigint,
  -- What it was redeemed for: the same once more is a repeat, anything else is a second use.
  fingerprint text references site_credentials,
  cancelled_at_ms bigint
);
create index site_claims_by_site on site_claims (site_id, created_at_ms desc);
