-- How a tenant presents itself on the pages that its users open.
create table page_owners (
  tenant_id uuid primary key references tenants (id),
  name text,
  logo_url text,
  updated_at timestamptz not null
);

select keep_tenants_apart('page_owners');
