-- Of the vehicle that charges, in percent; null: nobody charges, or the pile does not tell.
alter table connector_states add column soc_percent double precision;
