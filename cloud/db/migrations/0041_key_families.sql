-- The first key of a chain of rotations. What is counted is counted by it, so that a rotation makes nothing new of what is used.
alter table partner_keys add column family_id text references partner_keys;
with recursive chains (key_id, family_id) as (
  select key_id, key_id from partner_keys
    where not exists (select from partner_keys as former where former.replaced_by = partner_keys.key_id)
  union
  select former.replaced_by, chains.family_id from chains
    join partner_keys as former on former.key_id = chains.key_id where former.replaced_by is not null)
update partner_keys set family_id = chains.family_id from chains where chains.key_id = partner_keys.key_id;
alter table partner_keys alter column family_id set not null;
create index partner_keys_by_family on partner_keys (family_id);

-- The past of a chain is one.
alter table key_usage rename column key_id to family_id;
insert into key_usage (family_id, window_at_ms, class, source, calls)
  select partner_keys.family_id, window_at_ms, class, source, sum(calls)
    from key_usage join partner_keys on partner_keys.key_id = key_usage.family_id
    where partner_keys.family_id <> partner_keys.key_id
    group by partner_keys.family_id, window_at_ms, class, source
  on conflict (family_id, window_at_ms, class, source) do update set calls = key_usage.calls + excluded.calls;
delete from key_usage using partner_keys
  where partner_keys.key_id = key_usage.family_id and partner_keys.family_id <> partner_keys.key_id;
