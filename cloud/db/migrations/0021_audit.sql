-- Who did what. Each row names the digest of the one before it, so that none can be changed, put in or left out unnoticed.
create table audit_log (
  -- From 1, without a gap.
  position bigint primary key,
  at_ms bigint not null,
  actor_kind text not null check (actor_kind in ('staff', 'partner', 'system')),
  actor_id text not null,
  -- Where the request came from; null: from this machine.
  actor_address text,
  action text not null,
  subject_kind text not null,
  subject_id text not null,
  -- JSON.
  detail text not null,
  correlation_id text,
  previous_sha256 text not null unique,
  sha256 text not null
);
create index audit_log_by_subject on audit_log (subject_kind, subject_id, position desc);
create index audit_log_by_actor on audit_log (actor_kind, actor_id, position desc);

-- Against mistakes of our own: whoever owns the database can drop it, and is found out by the digests.
create function audit_log_is_final() returns trigger language plpgsql as
  $$ begin raise exception 'rows of audit_log are never changed'; end $$;
create trigger audit_log_final before update or delete or truncate on audit_log
  for each statement execute function audit_log_is_final();
alter table audit_log enable always trigger audit_log_final;
