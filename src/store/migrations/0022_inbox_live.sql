-- An inbox that tells of its changes. `seq` counts the changes of one user's inbox without gaps: the row is locked until
-- the change is committed, so whoever reads beyond a number misses nothing.
create table inbox_cursors (
  tenant_id uuid not null,
  user_id uuid not null,
  live boolean not null,
  seq bigint not null,
  primary key (tenant_id, user_id, live)
);

-- What changed, for streams that were away; kept for a while only. Without an item: more changed than is told one by one.
create table inbox_changes (
  tenant_id uuid not null,
  user_id uuid not null,
  live boolean not null,
  seq bigint not null,
  event text not null,
  item_id uuid,
  replaces uuid[],
  at timestamptz not null,
  primary key (tenant_id, user_id, live, seq)
);
create index inbox_changes_by_time on inbox_changes (at);

alter table inbox_items
  add column tags jsonb,
  add column collapse_key text,
  add column completed jsonb;
create index inbox_items_collapsible on inbox_items (tenant_id, user_id, live, collapse_key)
  where collapse_key is not null and read_at is null;
create index inbox_items_expiring on inbox_items (tenant_id, user_id, live, expires_at)
  where expires_at is not null and archived_at is null;

-- The secrets from which tokens of users are signed, sealed with the tenant's data key. During a rotation two are good.
create table user_token_keys (
  tenant_id uuid not null references tenants (id),
  version integer not null,
  secrets jsonb not null,
  created_at timestamptz not null,
  retires_at timestamptz,
  primary key (tenant_id, version)
);

-- Web pages from which a tenant's users may call.
create table browser_origins (
  tenant_id uuid not null references tenants (id),
  origin text not null,
  created_at timestamptz not null,
  primary key (tenant_id, origin)
);
create index browser_origins_by_origin on browser_origins (origin);

select keep_tenants_apart('inbox_cursors', 'inbox_changes', 'user_token_keys', 'browser_origins');
