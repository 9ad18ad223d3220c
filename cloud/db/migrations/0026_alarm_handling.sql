-- What a person made of an alarm. Acknowledged: somebody is at it. Closed: with the reason why nothing more is to be done.
alter table alarms add column acknowledged_at_ms bigint;
alter table alarms add column acknowledged_by text;
alter table alarms add column closed_at_ms bigint;
alter table alarms add column closed_by text;
alter table alarms add column close_reason text;
alter table alarms add constraint alarms_closed check ((closed_at_ms is null) = (close_reason is null));
create index alarms_open on alarms (received_at_ms desc) where closed_at_ms is null;
