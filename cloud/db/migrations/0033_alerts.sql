-- What an alarm of the platform is about, where that is no site, pile, connector or partner: 'alert-channel/mail-night'.
alter table alarms add column about text;
-- A worker has looked at it, and to which alert it belongs: null when somebody had closed it by then. A row that is not taken is found by itself,
-- whenever its transaction commits; a cursor over times or numbers would have to wait for those that commit late.
alter table alarms add column taken_at_ms bigint;
alter table alarms add column alert_id uuid;
-- Nobody could be told of alarms until now. Of what people have seen nobody needs to be told.
update alarms set taken_at_ms = received_at_ms where closed_at_ms is not null or acknowledged_at_ms is not null;
create index alarms_untaken on alarms (received_at_ms) where taken_at_ms is null;
create index alarms_by_alert on alarms (alert_id, received_at_ms desc) where alert_id is not null;

-- Alarms of one code about one subject, until somebody closes it.
create table alerts (
  alert_id uuid primary key,
  -- Code and subject.
  alert_key text not null,
  code text not null,
  level text not null check (level in ('info', 'warning', 'critical', 'emergency')),
  level_rank integer not null,
  subject_kind text not null,
  subject_id text not null,
  site_id text,
  pile_id text,
  connector_id text,
  partner_id text,
  -- Of the alarm that came last.
  detail text not null,
  alarm_count bigint not null,
  first_raised_at_ms bigint not null,
  last_raised_at_ms bigint not null,
  opened_at_ms bigint not null,
  -- When the last alarm was added.
  counted_at_ms bigint not null,
  acknowledged_at_ms bigint,
  acknowledged_by text,
  closed_at_ms bigint,
  closed_by text,
  close_reason text,
  -- The minutes of the chain count from here.
  escalate_from_ms bigint not null,
  -- One more whenever the chain begins anew, because the level has risen.
  run integer not null default 0,
  -- Steps of the chain, and repeats after them, that are behind it.
  ticks integer not null default 0,
  -- Null: there is nothing more to tell.
  next_tick_at_ms bigint,
  check ((closed_at_ms is null) = (close_reason is null)),
  check (next_tick_at_ms is null or (acknowledged_at_ms is null and closed_at_ms is null))
);
create unique index alerts_one_open on alerts (alert_key) where closed_at_ms is null;
create index alerts_by_key on alerts (alert_key, closed_at_ms desc);
create index alerts_due on alerts (next_tick_at_ms) where next_tick_at_ms is not null;
create index alerts_newest on alerts (opened_at_ms desc, alert_id desc);

-- Chains, rotas and levels as staff have set them; what is not here is as the program has it.
create table alert_settings (
  kind text not null check (kind in ('chain', 'rota', 'level')),
  name text not null,
  -- JSON.
  document text not null,
  set_by text not null,
  set_at_ms bigint not null,
  primary key (kind, name)
);

create table alert_channels (
  channel_id text primary key,
  kind text not null check (kind in ('mail', 'webhook', 'wecom', 'gateway')),
  name text not null,
  language text not null check (language in ('zh', 'en')),
  -- JSON without anything secret.
  settings text not null,
  secret_sealed text not null,
  created_at_ms bigint not null,
  delivered_at_ms bigint,
  failing_since_ms bigint,
  -- Since when it counts as failing, and others are told in its place.
  failing_told_at_ms bigint,
  disabled_at_ms bigint,
  disabled_reason text,
  deleted_at_ms bigint
);

-- What is sent: the same bytes under the same id at every attempt.
create table alert_posts (
  post_id text primary key,
  channel_id text not null references alert_channels,
  kind text not null check (kind in ('alert', 'test')),
  -- JSON: the facts, as they were when it was written.
  payload text not null,
  status text not null check (status in ('pending', 'delivered', 'failed', 'cancelled')),
  attempts integer not null default 0,
  next_attempt_at_ms bigint not null,
  leased_until_ms bigint,
  last_error text,
  created_at_ms bigint not null,
  finished_at_ms bigint
);
create index alert_posts_due on alert_posts (channel_id, next_attempt_at_ms) where status = 'pending';
create index alert_posts_newest on alert_posts (created_at_ms desc, post_id);

-- Which channel is to tell of which alert. Several that wait for one channel become one post.
create table alert_tellings (
  telling_id bigint generated always as identity primary key,
  alert_id uuid not null references alerts,
  run integer not null,
  tick integer not null,
  channel_id text not null references alert_channels,
  -- JSON: the facts.
  document text not null,
  created_at_ms bigint not null,
  -- Null: not written yet.
  post_id text references alert_posts,
  cancelled_at_ms bigint,
  -- None is told twice.
  unique (alert_id, run, tick, channel_id)
);
create index alert_tellings_waiting on alert_tellings (channel_id, telling_id) where post_id is null and cancelled_at_ms is null;
create index alert_tellings_by_post on alert_tellings (post_id) where post_id is not null;
