-- Null: it still waits for a person. Otherwise its record has been applied after all, and who asked for that.
alter table dead_letters add column settled_at_ms bigint;
alter table dead_letters add column settled_by text;
