create table partners (
  partner_id text primary key,
  name text not null,
  created_at_ms bigint not null
);

create table partner_keys (
  key_id text primary key,
  partner_id text not null references partners,
  environment text not null check (environment in ('sandbox', 'live')),
  scopes text not null,
  secret_sealed text not null,
  created_at_ms bigint not null,
  disabled_at_ms bigint
);

create table nonces (
  key_id text not null,
  nonce text not null,
  expires_at_ms bigint not null,
  primary key (key_id, nonce)
);
create index nonces_by_expiry on nonces (expires_at_ms);
