-- Who serves which topic shard. These times alone are the database's own: a process whose clock or whose own time
-- stands still must not believe that it still has a shard.

-- Ingest processes that are alive and take their share.
create table ingest_processes (
  process_id uuid primary key,
  alive_until timestamptz not null
);

create table ingest_shards (
  shard integer primary key check (shard between 0 and 63),
  -- Null: given back, or never taken.
  owner uuid,
  leased_until timestamptz not null
);
insert into ingest_shards (shard, owner, leased_until) select shard, null, '-infinity' from generate_series(0, 63) as shard;
