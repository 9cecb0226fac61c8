-- What a tenant declared of its categories: the body of the request. What it leaves out follows the kind.
create table categories (
  tenant_id uuid not null references tenants (id),
  id text not null,
  definition jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);

do $$
declare
  t text;
begin
  foreach t in array array['categories'] loop
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
