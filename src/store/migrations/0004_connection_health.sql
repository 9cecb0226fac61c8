-- What all processes together know of a connection: the state of its breaker (the latest change wins) and counts
-- that halve with time. `version` is the updated_at of the connection in ms: a changed connection begins anew.
create table connection_health (
  tenant_id uuid not null,
  connection text not null,
  version bigint not null,
  phase text not null,
  since timestamptz not null,
  open_until timestamptz not null,
  break_ms integer not null,
  stage integer not null,
  calls double precision not null,
  troubles double precision not null,
  delivered double precision not null,
  undelivered double precision not null,
  latency_p95_ms double precision,
  counted_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, connection),
  foreign key (tenant_id, connection) references connections (tenant_id, id) on delete cascade
);
create index connection_health_updated on connection_health (updated_at);
alter table connection_health enable row level security;
alter table connection_health force row level security;
create policy engine on connection_health to bellhop_engine using (true) with check (true);
create policy tenant on connection_health to bellhop_api
  using (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('bellhop.tenant', true), '')::uuid);
grant select, insert, update, delete on connection_health to bellhop_api, bellhop_engine;

-- Which countries a connection serves; null when all.
alter table connections add column countries jsonb;
-- Why it travels over its connection, and which ones were tried; null as long as nothing but priority and weight decided.
alter table deliveries add column choice jsonb;
