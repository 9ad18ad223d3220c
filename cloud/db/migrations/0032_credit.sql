-- What a partner has with the platform in one currency. What is left is funded + limit - posted - pending; nothing else says so.
create table credit_accounts (
  account_id text primary key,
  partner_id text not null references partners,
  environment text not null check (environment in ('sandbox', 'live')),
  currency text not null,
  -- deposit: paid ahead. limit: also up to limit_minor on credit. unlimited: staff have said that nothing is refused.
  kind text not null check (kind in ('deposit', 'limit', 'unlimited')),
  limit_minor bigint not null check (limit_minor >= 0 and (kind = 'limit' or limit_minor = 0)),
  -- What a start holds that names no amount itself.
  hold_per_start_minor bigint check (hold_per_start_minor > 0),
  -- What is left, falling, below which partner and staff are told (JSON); and the lowest of these that they were told of.
  low_marks text not null,
  told_mark_minor bigint,
  funded_minor bigint not null,
  posted_minor bigint not null,
  pending_minor bigint not null check (pending_minor >= 0),
  agreed_by text not null,
  reason text not null,
  opened_at_ms bigint not null,
  changed_at_ms bigint not null,
  unique (partner_id, environment, currency),
  check ((kind = 'unlimited') = (hold_per_start_minor is null))
);

-- Every movement, named by whoever makes it. An amount never changes: a hold is pending until it is posted, voided or expired, and what
-- was wrong is put right by another movement. Each takes from one side what it gives to the other.
create table credit_transfers (
  transfer_id uuid primary key,
  account_id text not null references credit_accounts,
  kind text not null check (kind in ('hold', 'charge', 'top_up', 'withdrawal', 'correction')),
  state text not null check (state in ('pending', 'posted', 'voided', 'expired')),
  debit text not null check (debit in ('partner', 'funds', 'corrections')),
  credit text not null check (credit in ('partner', 'funds', 'charges', 'corrections')),
  amount_minor bigint not null check (amount_minor >= 0),
  order_id uuid references orders,
  reference text,
  reason text,
  made_by text not null,
  created_at_ms bigint not null,
  -- Of a hold, when it ceased to be pending.
  closed_at_ms bigint,
  check (kind = 'hold' or state = 'posted'),
  check ((debit = 'partner') <> (credit = 'partner')),
  check ((state = 'pending') = (closed_at_ms is null and kind = 'hold'))
);
create index credit_transfers_by_time on credit_transfers (account_id, created_at_ms, transfer_id);
create index credit_transfers_by_order on credit_transfers (order_id);
create index credit_holds_pending on credit_transfers (account_id) where state = 'pending';

-- Partners that are live already go on as they were agreed to: whether they owe too much is not asked until staff set their terms.
insert into credit_accounts (account_id, partner_id, environment, currency, kind, limit_minor, hold_per_start_minor, low_marks,
    funded_minor, posted_minor, pending_minor, agreed_by, reason, opened_at_ms, changed_at_ms)
  select gen_random_uuid()::text, partner_id, 'live', currency, 'unlimited', 0, null, '[]', 0, 0, 0, 'migration',
    'was a partner before there was credit', created_at_ms, created_at_ms
  from partners cross join (select distinct document::jsonb ->> 'currency' as currency from tariffs) as known;
