-- What many users are told by one request is stored once; their notifications point at it and have no copy.
create table shared_requests (
  tenant_id uuid not null,
  id uuid not null,
  request jsonb not null,
  created_at timestamptz not null,
  primary key (tenant_id, id)
);
alter table notifications alter column request drop not null;
alter table notifications add column shared_request_id uuid;

alter table shared_requests enable row level security;
alter table shared_requests force row level security;
create policy engine on shared_requests to bellhop_engine using (true) with check (true);
create policy tenant on shared_requests to bellhop_api
  using (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid);
grant select, insert, update, delete on shared_requests to bellhop_api, bellhop_engine;
