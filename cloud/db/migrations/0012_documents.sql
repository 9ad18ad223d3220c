-- Every version of a site's documents that is known here: put by staff, or told by the site.
create table site_documents (
  site_id text not null references sites,
  kind text not null check (kind in ('site', 'tariffs', 'access')),
  version bigint not null,
  digest text not null,
  -- Null: made on site, and known here by name only.
  text text,
  requested_by text,
  created_at_ms bigint not null,
  next_send_at_ms bigint,
  sent_count bigint not null default 0,
  -- open: the site has not said what became of it. replaced: it was active, until another was.
  status text not null check (status in ('open', 'active', 'waiting', 'refused', 'rolled-back', 'replaced')),
  source text not null check (source in ('file', 'pilectl', 'cloud')),
  detail text,
  complaints text,
  reported_at_ms bigint,
  primary key (site_id, kind, version, digest)
);
create index site_documents_due on site_documents (next_send_at_ms) where next_send_at_ms is not null;

-- What is in force at each site, by its own word.
create table site_documents_in_force (
  site_id text not null references sites,
  kind text not null,
  version bigint not null,
  digest text not null,
  told_at_ms bigint not null,
  primary key (site_id, kind)
);
