-- Where a charge is to end by itself (JSON), and the most that may be charged for it.
alter table orders add column limits text;
alter table orders add column hold_minor bigint check (hold_minor > 0);

alter table operations drop constraint operations_kind_check;
alter table operations add constraint operations_kind_check check (kind in ('start', 'stop', 'raise-hold'));
-- What a hold is to be raised to.
alter table operations add column hold_minor bigint check (hold_minor > 0);
alter table operations add constraint operations_raise_to check ((kind = 'raise-hold') = (hold_minor is not null));
