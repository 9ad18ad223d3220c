-- Diagnostics bundles that staff have asked sites for.
create table diagnostics (
  bundle_id uuid primary key,
  site_id text not null references sites,
  requested_by text not null,
  requested_at_ms bigint not null,
  status text not null check (status in ('open', 'complete', 'expired')),
  -- As the site has told it with the last piece.
  sha256 text,
  pieces integer,
  -- The piece that is asked for, and when again.
  next_piece integer not null,
  next_ask_at_ms bigint,
  completed_at_ms bigint,
  content bytea
);
create index diagnostics_due on diagnostics (next_ask_at_ms) where next_ask_at_ms is not null;

create table diagnostic_pieces (
  bundle_id uuid not null references diagnostics on delete cascade,
  piece integer not null,
  content bytea not null,
  primary key (bundle_id, piece)
);
