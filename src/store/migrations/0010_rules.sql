-- The second wall around a table of tenants: what acts for a tenant (bellhop_api) sees and writes its rows only.
create function keep_tenants_apart(variadic tables text[]) returns void language plpgsql as $$
declare
  t text;
begin
  foreach t in array tables loop
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

-- What a tenant declared of its categories: the body of the request. What it leaves out follows the kind.
create table categories (
  tenant_id uuid not null references tenants (id),
  id text not null,
  definition jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);

-- When a tenant's users are left in peace; the time zone is for users who have none.
create table tenant_quiet_hours (
  tenant_id uuid primary key references tenants (id),
  windows jsonb not null,
  timezone text,
  updated_at timestamptz not null
);

-- A user's own, on top of those of the tenant.
create table user_quiet_hours (
  tenant_id uuid not null,
  user_id uuid not null,
  windows jsonb not null,
  updated_at timestamptz not null,
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);

-- What users said about categories and channels; `*` stands for all of them.
create table preferences (
  tenant_id uuid not null,
  user_id uuid not null,
  category text not null,
  channel text not null,
  choice text not null,
  source text not null,
  updated_at timestamptz not null,
  primary key (tenant_id, user_id, category, channel),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);

-- Channels of a notification that get their turn later than the rest: because of quiet hours, or as the next step of a
-- ladder. Their turn is a row of `unrouted` with the same id and time.
create table postponed (
  tenant_id uuid not null,
  notification_id uuid not null,
  due_at timestamptz not null,
  channels text[] not null,
  reason text not null,
  primary key (notification_id, due_at)
);

select keep_tenants_apart('categories', 'tenant_quiet_hours', 'user_quiet_hours', 'preferences', 'postponed');
