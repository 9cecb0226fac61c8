-- The key that signs a tenant's links for users, sealed with his data key. A new one ends every link that was given out.
create table link_keys (
  tenant_id uuid primary key references tenants (id),
  secrets jsonb not null,
  version integer not null,
  created_at timestamptz not null
);

select keep_tenants_apart('link_keys');
