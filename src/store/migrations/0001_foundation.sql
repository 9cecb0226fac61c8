-- Tables of one tenant's world. Every one that holds a tenant's data has tenant_id and row-level security
-- (0002); times are written by the application ($now), never by now().

create table instance (
  key text primary key,
  value jsonb not null
);

create table tenants (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  created_at timestamptz not null
);

create table api_keys (
  id uuid primary key,
  tenant_id uuid not null references tenants (id),
  name text not null,
  live boolean not null,
  hash bytea not null unique,
  hint text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_by_tenant on api_keys (tenant_id, id);

-- Data keys of the envelope encryption, wrapped by a key-encryption key that is never in the database.
create table data_keys (
  tenant_id uuid not null references tenants (id),
  version integer not null,
  wrapped bytea not null,
  kek_id text not null,
  created_at timestamptz not null,
  primary key (tenant_id, version)
);

create table connections (
  tenant_id uuid not null references tenants (id),
  id text not null,
  provider text not null,
  channel text not null,
  name text not null,
  enabled boolean not null,
  priority integer not null,
  weight integer not null,
  app text,
  config jsonb not null,
  secrets jsonb not null,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);

create table users (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  external_id text collate "C" not null,
  locale text,
  timezone text,
  attributes jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id),
  unique (tenant_id, external_id)
);

create table contacts (
  tenant_id uuid not null,
  user_id uuid not null,
  kind text not null,
  address text not null,
  inactive_at timestamptz,
  inactive_reason text,
  updated_at timestamptz not null,
  primary key (tenant_id, user_id, kind),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);

create table devices (
  tenant_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  app text not null,
  platform text not null,
  token text not null,
  token_hash bytea not null,
  keys jsonb,
  app_version text,
  registered_at timestamptz not null,
  last_active_at timestamptz not null,
  inactive_at timestamptz,
  inactive_reason text,
  primary key (tenant_id, id),
  unique (tenant_id, app, token_hash),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
create index devices_by_user on devices (tenant_id, user_id, platform);

create table suppressions (
  tenant_id uuid not null references tenants (id),
  kind text not null,
  address text not null,
  reason text not null,
  source text not null,
  created_at timestamptz not null,
  primary key (tenant_id, kind, address)
);

create table templates (
  tenant_id uuid not null references tenants (id),
  id text not null,
  name text not null,
  latest_version integer not null,
  published_version integer,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz,
  primary key (tenant_id, id)
);

create table template_versions (
  tenant_id uuid not null,
  template_id text not null,
  version integer not null,
  definition jsonb not null,
  hash text not null,
  created_at timestamptz not null,
  published_at timestamptz,
  primary key (tenant_id, template_id, version),
  foreign key (tenant_id, template_id) references templates (tenant_id, id) on delete cascade
);

create table inbox_items (
  tenant_id uuid not null references tenants (id),
  user_id uuid not null,
  id uuid not null,
  live boolean not null,
  notification_id uuid not null,
  category text not null,
  item jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  seen_at timestamptz,
  read_at timestamptz,
  archived_at timestamptz,
  primary key (tenant_id, user_id, id)
);

create index inbox_items_unread on inbox_items (tenant_id, user_id, live, id) where read_at is null;
create index inbox_items_unseen on inbox_items (tenant_id, user_id, live, id) where seen_at is null;

create table idempotency_keys (
  tenant_id uuid not null,
  live boolean not null,
  key_hash bytea not null,
  fingerprint bytea not null,
  notification_id uuid not null,
  expires_at timestamptz not null,
  primary key (tenant_id, live, key_hash)
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);

-- Rows that a process holds: proof of life, and which attempts it has under way (written with the claim, so a
-- crash makes unknown at most what was in flight).
create table workers (
  id uuid primary key,
  host text not null,
  started_at timestamptz not null,
  heartbeat_at timestamptz not null
);

create table claims (
  id uuid primary key,
  worker_id uuid not null,
  delivery_ids uuid[] not null,
  attempts integer[] not null,
  claimed_at timestamptz not null
);
create index claims_by_worker on claims (worker_id);

-- For vendors that hand back only their own id.
create table provider_messages (
  tenant_id uuid not null,
  connection text not null,
  provider_message_id text not null,
  delivery_id uuid not null,
  expires_at timestamptz not null,
  primary key (tenant_id, connection, provider_message_id)
);
create index provider_messages_by_expiry on provider_messages (expires_at);
