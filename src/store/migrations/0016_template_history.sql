-- What was published, by which key and when. Publishing an older version again is a row like any other.
create table template_publications (
  tenant_id uuid not null,
  template_id text not null,
  number integer not null,
  version integer not null,
  kind text not null,
  published_by text not null,
  published_at timestamptz not null,
  primary key (tenant_id, template_id, number),
  foreign key (tenant_id, template_id) references templates (tenant_id, id) on delete cascade
);

-- The key that saved a version; null for versions that are older than this column.
alter table template_versions add column created_by text;

-- Texts that templates share. A version of a template holds a copy of those it uses, so only the newest is kept here.
create table fragments (
  tenant_id uuid not null references tenants (id),
  id text not null,
  version integer not null,
  text text not null,
  hash text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz,
  primary key (tenant_id, id)
);

-- What holds for all templates of a tenant.
create table template_settings (
  tenant_id uuid primary key references tenants (id),
  default_locale text,
  updated_at timestamptz not null
);

select keep_tenants_apart('template_publications', 'fragments', 'template_settings');
