-- The ledger: four tables partitioned by the time inside a UUIDv7, without foreign keys among them. Partitions
-- are made by partitions.ts, a month each. due_at is null unless the row waits for its turn, so the queue
-- indexes stay small; no index mentions state, so that results are written as HOT updates.

create table notifications (
  id uuid primary key,
  tenant_id uuid not null,
  live boolean not null,
  user_id text not null,
  category text not null,
  priority smallint not null,
  state text not null,
  reason text,
  request jsonb not null,
  due_at timestamptz,
  send_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null,
  routed_at timestamptz
) partition by range (id);
create index notifications_due on notifications (priority, tenant_id, due_at) where due_at is not null;
create index notifications_by_user on notifications (tenant_id, user_id, id);
create index notifications_by_tenant on notifications (tenant_id, live, id);

create table deliveries (
  id uuid primary key,
  tenant_id uuid not null,
  live boolean not null,
  notification_id uuid not null,
  user_id uuid,
  channel text not null,
  lane text not null,
  device_id uuid,
  contact_kind text,
  template_version integer,
  provider text,
  connection text not null,
  state text not null,
  reason text,
  code text,
  attempt integer not null default 0,
  retries integer not null default 0,
  cancel_requested boolean not null default false,
  due_at timestamptz,
  decide_at timestamptz,
  problem text,
  provider_message_id text,
  created_at timestamptz not null,
  expires_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  delivered_at timestamptz,
  opened_at timestamptz,
  clicked_at timestamptz
) partition by range (id);
create index deliveries_due on deliveries (lane, tenant_id, connection, due_at) where due_at is not null;
create index deliveries_by_notification on deliveries (notification_id);
create index deliveries_problems on deliveries (tenant_id, problem, id) where problem is not null;
create index deliveries_undecided on deliveries (decide_at) where decide_at is not null;

-- An attempt has a row when it did not simply succeed; a plain success lives in its delivery.
create table attempts (
  delivery_id uuid not null,
  n integer not null,
  tenant_id uuid not null,
  connection text,
  provider text,
  outcome text not null,
  reason text,
  code text,
  detail jsonb,
  started_at timestamptz not null,
  latency_ms integer,
  primary key (delivery_id, n)
) partition by range (delivery_id);

create table receipts (
  delivery_id uuid not null,
  event_hash bytea not null,
  tenant_id uuid not null,
  connection text not null,
  event text not null,
  reason text,
  code text,
  occurred_at timestamptz,
  received_at timestamptz not null,
  primary key (delivery_id, event_hash)
) partition by range (delivery_id);

-- Row-level security: bellhop_api sees one tenant, named per transaction; bellhop_engine, whose rights the
-- login role inherits, sees all. Forced, so that owning the tables is no way around it.
do $$
declare
  t text;
begin
  foreach t in array array[
    'api_keys', 'data_keys', 'connections', 'users', 'contacts', 'devices', 'suppressions', 'templates',
    'template_versions', 'inbox_items', 'idempotency_keys', 'provider_messages', 'notifications', 'deliveries',
    'attempts', 'receipts'
  ] loop
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
alter table tenants enable row level security;
alter table tenants force row level security;
create policy engine on tenants to bellhop_engine using (true) with check (true);
create policy tenant on tenants to bellhop_api
  using (id = nullif(current_setting('bellhop.tenant', true), '')::uuid);
grant select on tenants to bellhop_api;
grant select, insert, update, delete on tenants, workers, claims, instance to bellhop_engine;
