-- People who run the platform.
create table staff_accounts (
  staff_id text primary key,
  name text not null,
  role text not null,
  -- invited: no password and second factor yet, or none that was proven.
  state text not null check (state in ('invited', 'active', 'disabled')),
  created_at_ms bigint not null,
  created_by text not null,
  -- scrypt with its parameters and salt.
  password_hash text,
  totp_sealed text,
  -- The last step of 30 s of which a code was used: no code is used twice.
  totp_last_step bigint not null,
  -- Of a code that is exchanged for a password and a second factor; null: none is open.
  invitation_sha256 text,
  invitation_expires_at_ms bigint,
  check (state <> 'active' or (password_hash is not null and totp_sealed is not null))
);

-- Each of them is good once, in place of a code of the second factor.
create table staff_recovery_codes (
  staff_id text not null references staff_accounts,
  code_sha256 text not null,
  used_at_ms bigint,
  primary key (staff_id, code_sha256)
);

-- What was tried in a row without success: for a login by the account that was named, whether it exists or not.
create table staff_attempts (
  attempt_key text primary key,
  failures bigint not null,
  last_at_ms bigint not null
);

create table staff_sessions (
  session_id uuid primary key,
  staff_id text not null references staff_accounts,
  token_sha256 text not null unique,
  address text not null,
  created_at_ms bigint not null,
  -- To the minute.
  seen_at_ms bigint not null,
  expires_at_ms bigint not null,
  ended_at_ms bigint
);
create index staff_sessions_open on staff_sessions (staff_id) where ended_at_ms is null;

-- Dangerous requests, and the second factor that was shown for each.
create table staff_confirmations (
  challenge_id uuid primary key,
  session_id uuid not null references staff_sessions,
  action text not null,
  -- Of method, address and body: it is good for this request and no other.
  request_sha256 text not null,
  created_at_ms bigint not null,
  token_sha256 text unique,
  expires_at_ms bigint,
  used_at_ms bigint
);
create index staff_confirmations_by_age on staff_confirmations (created_at_ms);
