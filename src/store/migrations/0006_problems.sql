-- What people did to a delivery (settled it, sent it again): appended by hand only, never by an attempt.
alter table deliveries add column interventions jsonb;

-- Search among problems. Both hold problem rows only. user_id never changes, and a result that changes reason changes
-- problem or due_at too (but for the rare success after a retry), so results stay HOT updates.
create index deliveries_problems_by_user on deliveries (tenant_id, user_id, problem, id) where problem is not null;
create index deliveries_problems_by_reason on deliveries (tenant_id, problem, reason, id) where problem is not null;

-- Sending many problems again, in the background. `cursor` is the last delivery looked at, so a restart goes on there.
create table replays (
  id uuid primary key,
  tenant_id uuid not null references tenants (id),
  live boolean not null,
  filter jsonb not null,
  rate_per_second integer not null,
  max_deliveries integer,
  state text not null,
  cursor uuid,
  next_due_at timestamptz not null,
  replayed integer not null default 0,
  requested_by jsonb not null,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index replays_by_tenant on replays (tenant_id, live, id);
create index replays_running on replays (next_due_at) where finished_at is null;
alter table replays enable row level security;
alter table replays force row level security;
create policy engine on replays to bellhop_engine using (true) with check (true);
create policy tenant on replays to bellhop_api
  using (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid);
grant select, insert, update, delete on replays to bellhop_api, bellhop_engine;
