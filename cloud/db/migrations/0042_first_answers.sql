-- What the first request with its id was answered, for writes that make no operation.
create table first_answers (
  partner_id text not null references partners,
  environment text not null,
  action text not null,
  request_id text not null,
  body_sha256 text not null,
  -- What it made or changed.
  subject_id text not null,
  -- JSON; null: it is not said again.
  answer_sealed text,
  created_at_ms bigint not null,
  primary key (partner_id, environment, action, request_id)
);
-- What may be forgotten is found by its age.
create index first_answers_oldest on first_answers (created_at_ms);
create index first_answers_of on first_answers (subject_id);
