-- Hooks that a tenant has called before and after sending, and a tenant's own values of feature flags.
create table hooks (
  tenant_id uuid not null references tenants (id),
  id text not null,
  moment text not null,
  url text not null,
  channels text[] not null,
  categories text[] not null,
  environments text[] not null,
  timeout_ms integer not null,
  on_failure text not null,
  enabled boolean not null,
  secrets jsonb not null,
  previous_until timestamptz,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);

create table flag_values (
  tenant_id uuid not null references tenants (id),
  flag text not null,
  environment text not null,
  percentage double precision not null,
  updated_at timestamptz not null,
  primary key (tenant_id, flag, environment)
);

do $$
declare
  t text;
begin
  foreach t in array array['hooks', 'flag_values'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy engine on %I to bellhop_engine using (true) with check (true)', t);
    execute format(
      'create policy tenant on %I to bellhop_api '
      'using (tenant_id = nullif(current_setting(''bellhop.tenant'', true), '''')::uuid) '
      'with check (tenant_id = nullif(current_setting(''bellhop.tenant'', true), '''')::uuid)', t);
    execute format('grant select, insert, update, delete on %I to bellhop_api, bellhop_engine', t);
  end loop;
end
$$;
