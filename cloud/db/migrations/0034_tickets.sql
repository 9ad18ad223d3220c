-- What needs a person until it is done.
create table tickets (
  ticket_id uuid primary key,
  -- What people call it.
  number bigint generated always as identity unique,
  title text not null,
  state text not null check (state in ('open', 'in_progress', 'waiting', 'resolved', 'closed', 'reopened')),
  priority text not null check (priority in ('low', 'normal', 'high', 'urgent')),
  assignee text references staff_accounts,
  -- Of a person the name; 'platform': opened by a rule.
  opened_by text not null,
  opened_at_ms bigint not null,
  updated_at_ms bigint not null,
  due_at_ms bigint not null,
  overdue_told_at_ms bigint,
  resolution text,
  -- What the same rule finds again is added to this ticket until it is resolved; null: it is resolved, or no rule opened it.
  policy_key text,
  check (policy_key is null or state not in ('resolved', 'closed'))
);
create unique index tickets_one_by_policy on tickets (policy_key) where policy_key is not null;
create index tickets_changed on tickets (updated_at_ms desc, ticket_id desc);
create index tickets_due on tickets (due_at_ms) where overdue_told_at_ms is null and state not in ('resolved', 'closed');

create table ticket_links (
  ticket_id uuid not null references tickets,
  kind text not null check (kind in ('alert', 'alarm', 'order', 'site', 'connector', 'partner', 'exception', 'dead-letter')),
  id text not null,
  linked_at_ms bigint not null,
  primary key (ticket_id, kind, id)
);
create index ticket_links_by_subject on ticket_links (kind, id);

-- What was done with a ticket: added to, and never changed.
create table ticket_events (
  event_id bigint generated always as identity primary key,
  ticket_id uuid not null references tickets,
  at_ms bigint not null,
  by text not null,
  kind text not null check (kind in ('opened', 'moved', 'changed', 'commented', 'linked', 'overdue')),
  -- JSON.
  detail text not null
);
create index ticket_events_by_ticket on ticket_events (ticket_id, event_id);
create function ticket_events_are_final() returns trigger language plpgsql as
  $$ begin raise exception 'rows of ticket_events are never changed'; end $$;
create trigger ticket_events_final before update or delete or truncate on ticket_events
  for each statement execute function ticket_events_are_final();

-- An exception of an order, and a record that could not be taken, are in a ticket; null: a worker has not seen them yet.
alter table exceptions add column ticket_id uuid references tickets;
create index exceptions_without_ticket on exceptions (exception_id) where ticket_id is null and resolved_at_ms is null;
create index exceptions_by_ticket on exceptions (ticket_id) where ticket_id is not null;
alter table dead_letters add column ticket_id uuid references tickets;
create index dead_letters_without_ticket on dead_letters (dead_letter_id) where ticket_id is null and settled_at_ms is null;
