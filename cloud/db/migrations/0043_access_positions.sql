-- Where in the log of status changes the stations of a partner were changed last: whoever resumes from before it is told all anew.
alter table partner_access add column changed_position bigint not null default 0;
update partner_access set changed_position = (select position + 1 from status_positions where name = 'head');
update status_positions set position = position + 1 where name = 'head' and exists (select from partner_access);
