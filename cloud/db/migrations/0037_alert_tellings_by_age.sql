-- What may be forgotten is found by its age.
create index alert_tellings_oldest on alert_tellings (created_at_ms);
