-- What waits to be routed has a narrow table of its own: a row comes with the notification and goes when it is
-- routed, so the wide row (with its request and three indexes) is written once and not a second time.
create table unrouted (
  tenant_id uuid not null,
  priority smallint not null,
  due_at timestamptz not null,
  id uuid not null,
  primary key (priority, tenant_id, due_at, id)
);

insert into unrouted (tenant_id, priority, due_at, id)
  select tenant_id, priority, due_at, id from notifications where due_at is not null;

-- From now on a notification is routed when it is `accepted` and no longer in `unrouted`; due_at stays as it was.
update notifications set state = 'accepted' where state = 'routed';
update notifications set due_at = greatest(send_at, created_at) where due_at is null;
alter table notifications alter column due_at set not null;
drop index notifications_due;
alter table notifications drop column routed_at;

alter table unrouted enable row level security;
alter table unrouted force row level security;
create policy engine on unrouted to bellhop_engine using (true) with check (true);
create policy tenant on unrouted to bellhop_api
  using (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid);
grant select, insert, update, delete on unrouted to bellhop_api, bellhop_engine;
