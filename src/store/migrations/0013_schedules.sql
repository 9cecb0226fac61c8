-- What is sent once at some time, or again and again. `definition` is the body of the request. Everything up to cursor_at
-- is done; next_at is when to look at it next, and null unless it is active. `skips` are wall times that are left out.
create table schedules (
  tenant_id uuid not null references tenants (id),
  live boolean not null,
  id text not null,
  uid uuid not null,
  definition jsonb not null,
  state text not null,
  problem text,
  cursor_at timestamptz not null,
  next_at timestamptz,
  skips jsonb not null default '[]',
  fired_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, live, id)
);
create index schedules_due on schedules (next_at) where next_at is not null;
create index schedules_ended on schedules (ended_at) where ended_at is not null;

-- Each occurrence fires once: by its wall time, and by the zone when it is the local time of users (otherwise ''). A
-- schedule that is deleted and made again has another uid. The notification is named when it is for one user.
create table schedule_occurrences (
  tenant_id uuid not null,
  schedule_uid uuid not null,
  local_time text not null,
  zone text not null,
  planned_at timestamptz not null,
  fired_at timestamptz not null,
  outcome text not null,
  notifications integer not null,
  notification_id uuid,
  primary key (tenant_id, schedule_uid, local_time, zone)
);
create index schedule_occurrences_by_time on schedule_occurrences (fired_at);

select keep_tenants_apart('schedules', 'schedule_occurrences');
