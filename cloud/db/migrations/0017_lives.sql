-- Whose word counts for a site: the life of a store that was welcomed last.
alter table site_links add column life_id uuid;
-- It is on the disk of that box that it was welcomed.
alter table site_links add column is_life_confirmed boolean not null default false;

-- Every life of a site's stores that has said hello. Older software says hello without one.
create table site_lives (
  site_id text not null references sites,
  life_id uuid not null,
  former_life_id uuid,
  store_epoch uuid not null,
  controller_id text,
  software text not null,
  -- waiting: another one may be alive. barred: another one speaks for the site. chosen: by a person, and not heard since.
  status text not null check (status in ('holder', 'waiting', 'former', 'barred', 'chosen')),
  is_confirmed boolean not null,
  first_heard_at_ms bigint not null,
  last_heard_at_ms bigint not null,
  welcomed_at_ms bigint,
  chosen_by text,
  primary key (site_id, life_id)
);
create unique index one_holder on site_lives (site_id) where status = 'holder';
