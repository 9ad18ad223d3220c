-- Which reservation its start presented when it was accepted: whoever did that has come.
alter table orders add column reservation_id uuid references reservations;
create index orders_by_reservation on orders (reservation_id) where reservation_id is not null;
-- What a start with it was refused for, where that was not the holder's fault. A refused start leaves nothing else behind.
alter table reservations add column kept_out_code text;
