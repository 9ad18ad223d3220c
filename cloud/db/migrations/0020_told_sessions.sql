-- What a site's last hello says that it runs, until the cloud has all that the site had written by then.
create table told_sessions (
  site_id text primary key references sites,
  store_epoch uuid not null,
  -- The last event that the store had when it was said.
  head_seq bigint not null,
  -- JSON.
  session_ids text not null,
  -- JSON: what was seen last of charges that the site does not name.
  progress text not null
);
create index orders_charging on orders (site_id) where state = 'charging';
