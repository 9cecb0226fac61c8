-- The key that signs a tenant's links for users, sealed with his data key. A new one ends every link that was given out.
create table link_keys (
  tenant_id uuid primary key references tenants (id),
  secrets jsonb not null,
  version integer not null,
  created_at timestamptz not null
);
alter table link_keys enable row level security;
alter table link_keys force row level security;
create policy engine on link_keys to bellhop_engine using (true) with check (true);
create policy tenant on link_keys to bellhop_api
  using (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid);
grant select, insert, update, delete on link_keys to bellhop_api, bellhop_engine;
