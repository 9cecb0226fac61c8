-- The second account of every delivery, kept in the same commit as the change it counts. A day is the day on which the
-- delivery was made, so for each day accepted = sent + failed + skipped + expired + cancelled + dead + unknown + pending,
-- for good. Each process adds to a slot of its own, so that no row is fought over.
create table counters (
  tenant_id uuid not null,
  live boolean not null,
  day date not null,
  channel text not null,
  state text not null,
  slot integer not null,
  n bigint not null,
  primary key (tenant_id, live, day, channel, state, slot)
);
create index counters_by_day on counters (day) where slot <> 0;

alter table counters enable row level security;
alter table counters force row level security;
create policy engine on counters to bellhop_engine using (true) with check (true);
create policy tenant on counters to bellhop_api
  using (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid);
grant select, insert, update, delete on counters to bellhop_api, bellhop_engine;

-- What happened before there were counters.
insert into counters (tenant_id, live, day, channel, state, slot, n)
  select tenant_id, live, (created_at at time zone 'UTC')::date, channel, 'accepted', 0, count(*)
    from deliveries group by 1, 2, 3, 4;
insert into counters (tenant_id, live, day, channel, state, slot, n)
  select tenant_id, live, (created_at at time zone 'UTC')::date, channel, state, 0, count(*)
    from deliveries where state not in ('queued', 'sending') group by 1, 2, 3, 4, 5;
