-- What is known of texts that vendors keep and approve: by the operator, or by what the vendor posted.
create table vendor_templates (
  tenant_id uuid not null,
  connection text not null,
  id text not null,
  -- Empty for vendors that keep one language only, or for all of them.
  language text not null,
  state text not null,
  reason text,
  updated_at timestamptz not null,
  primary key (tenant_id, connection, id, language),
  foreign key (tenant_id, connection) references connections (tenant_id, id) on delete cascade
);

select keep_tenants_apart('vendor_templates');
