-- A UUIDv7 (RFC 9562, 5.7) for a row that a statement makes by itself; the time is a parameter, as everywhere.
create function uuid_v7_at(at timestamptz) returns uuid language sql volatile as $$
  select encode(set_bit(set_bit(
    overlay(uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid
$$;

-- What happened, for those who want to be told: written in the transaction of the change itself, and only for tenants
-- who have an endpoint that wants to hear of it. `waiting` until it is known who is told.
create table events (
  id uuid primary key,
  -- Given while the changed row is locked: what happens to one thing is numbered in the order in which it happened.
  sequence bigint not null generated always as identity,
  tenant_id uuid not null,
  live boolean not null,
  type text not null,
  occurred_at timestamptz not null,
  channel text,
  category text,
  -- Whose category and user are added to the data when it is found out who is told: not on the way of the change.
  notification_id uuid,
  data jsonb not null,
  waiting boolean not null default true
);
create index events_waiting on events (sequence) where waiting;

-- Where a tenant wants to be told. Its deliveries hang on the key: a name that is free again begins a new log.
create table webhook_endpoints (
  tenant_id uuid not null references tenants (id),
  id text not null,
  key uuid not null,
  url text not null,
  description text,
  types text[] not null,
  channels text[] not null,
  categories text[] not null,
  environments text[] not null,
  enabled boolean not null,
  disabled_at timestamptz,
  disabled_reason text,
  secrets jsonb not null,
  previous_until timestamptz,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);
create unique index webhook_endpoints_by_key on webhook_endpoints (key);
create index webhook_endpoints_enabled on webhook_endpoints (tenant_id) where enabled;

-- How an endpoint fares: has a row while it is not well.
create table webhook_troubles (
  endpoint_key uuid primary key,
  tenant_id uuid not null,
  failing_since timestamptz not null,
  -- Refused or unanswered calls one behind the other; while there are any, one call at a time is made.
  strain integer not null,
  paused_until timestamptz
);

-- An event and an endpoint that is told of it. While it is called, due_at is when the call is given up for lost.
create table webhook_deliveries (
  event_id uuid not null,
  endpoint_key uuid not null,
  tenant_id uuid not null,
  type text not null,
  state text not null,
  reason text,
  status integer,
  attempt integer not null default 0,
  tries integer not null default 0,
  due_at timestamptz,
  created_at timestamptz not null,
  finished_at timestamptz,
  failed_at timestamptz,
  primary key (event_id, endpoint_key)
) with (fillfactor = 80);
create index webhook_deliveries_by_endpoint on webhook_deliveries (tenant_id, endpoint_key, event_id);
create index webhook_deliveries_due on webhook_deliveries (endpoint_key, due_at) where due_at is not null;
create index webhook_deliveries_failed on webhook_deliveries (tenant_id, endpoint_key, event_id) where failed_at is not null;

create table webhook_attempts (
  event_id uuid not null,
  endpoint_key uuid not null,
  n integer not null,
  tenant_id uuid not null,
  outcome text not null,
  reason text,
  status integer,
  latency_ms integer not null,
  answer text,
  started_at timestamptz not null,
  primary key (event_id, endpoint_key, n)
);

select keep_tenants_apart('events', 'webhook_endpoints', 'webhook_troubles', 'webhook_deliveries', 'webhook_attempts');
