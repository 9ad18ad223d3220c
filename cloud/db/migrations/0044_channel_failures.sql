-- When an attempt last failed: a failure of days ago and one of now are not one failure that has lasted for days.
alter table alert_channels add column failed_at_ms bigint;
