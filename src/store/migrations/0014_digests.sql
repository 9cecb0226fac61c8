-- Events of one user, category and key that become one message. At most one digest of them is open: who appends locks its
-- row until the commit, who closes it as well. closes_at is when to look at it: in a sliding window it moves with every
-- event, up to closes_by. After it is closed (result: sent, single or empty), its events are given their ends in portions;
-- finished_at says that none is left.
create table digests (
  tenant_id uuid not null,
  id uuid not null,
  live boolean not null,
  user_id text not null,
  category text not null,
  key text not null,
  settings jsonb not null,
  quiet_seconds integer,
  closes_by timestamptz,
  opened_at timestamptz not null,
  closes_at timestamptz not null,
  closed_at timestamptz,
  result text,
  events integer,
  notification_id uuid,
  finished_at timestamptz,
  primary key (tenant_id, id)
) with (fillfactor = 70);
create unique index digests_open on digests (tenant_id, live, user_id, category, key) where closed_at is null;
create index digests_due on digests (closes_at) where finished_at is null;
create index digests_finished on digests (finished_at) where finished_at is not null;

-- A notification that a digest collected and that has no end yet. `channels` are those that were decided about.
create table digest_events (
  tenant_id uuid not null,
  digest_id uuid not null,
  notification_id uuid not null,
  priority smallint not null,
  channels text[] not null,
  expires_at timestamptz,
  primary key (digest_id, notification_id)
);
create unique index digest_events_by_notification on digest_events (notification_id);

select keep_tenants_apart('digests', 'digest_events');

-- How often users want to hear of a category that lets them choose: every, hourly, daily or weekly.
create table frequencies (
  tenant_id uuid not null,
  user_id uuid not null,
  category text not null,
  frequency text not null,
  at text,
  day smallint,
  source text not null,
  updated_at timestamptz not null,
  primary key (tenant_id, user_id, category),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);

select keep_tenants_apart('frequencies');
