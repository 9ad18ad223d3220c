-- Somebody who wants to become a partner. There is no partner, and so no key, until staff have approved.
create table partner_applications (
  application_id text primary key,
  -- Of what the applicant shows to see and change the application.
  token_sha256 text not null unique,
  state text not null check (state in ('draft', 'submitted', 'needs_more', 'rejected', 'approved', 'withdrawn')),
  -- Counts every change, so that a decision is about what was looked at.
  revision integer not null,
  submissions integer not null,
  credit_code text not null,
  -- What was filled in, as JSON.
  document text not null,
  created_at_ms bigint not null,
  updated_at_ms bigint not null,
  submitted_at_ms bigint,
  partner_id text references partners
);
create index partner_applications_by_state on partner_applications (state, updated_at_ms);
create index partner_applications_by_code on partner_applications (credit_code);

create table application_files (
  file_id text primary key,
  application_id text not null references partner_applications,
  purpose text not null check (purpose in ('business-licence', 'authorisation', 'other')),
  content_kind text not null check (content_kind in ('pdf', 'jpeg', 'png')),
  -- As the applicant calls it: shown as text, and used for nothing else.
  name text not null,
  bytes integer not null,
  sha256 text not null,
  content bytea not null,
  created_at_ms bigint not null,
  -- No longer part of the application; kept, because a decision may have been made on it.
  removed_at_ms bigint
);
create index application_files_by_application on application_files (application_id, created_at_ms);

create table application_reviews (
  review_id text primary key,
  application_id text not null references partner_applications,
  revision integer not null,
  decision text not null check (decision in ('approve', 'reject', 'ask')),
  reason text not null,
  -- What was looked up where, as JSON.
  evidence text not null,
  -- The files as they were then, as JSON: id and SHA-256.
  files text not null,
  reviewed_by text not null,
  reviewed_at_ms bigint not null
);
create index application_reviews_by_application on application_reviews (application_id, reviewed_at_ms);

alter table partners add column credit_code text unique;
alter table partners add column approved_by text;
alter table partners add column approved_at_ms bigint;
update partners set approved_by = 'staff', approved_at_ms = created_at_ms;
