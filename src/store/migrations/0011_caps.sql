-- How many places of a cap or a quota are taken: a row for each user (the zero id for all users of the tenant together),
-- rule and window. Calendar windows count in `used`; of sliding ones, whose window_start is the epoch, `frees` also says
-- when each place is free again. `allowed` and `granted` belong to the latest reservation: the statement that makes it
-- tells itself through them what there was room for.
create table cap_uses (
  tenant_id uuid not null,
  live boolean not null,
  user_id uuid not null,
  rule text not null,
  window_start timestamptz not null,
  used integer not null,
  frees timestamptz[],
  allowed integer not null,
  granted integer not null,
  expires_at timestamptz not null,
  primary key (tenant_id, live, user_id, rule, window_start)
) with (fillfactor = 70);
create index cap_uses_by_expiry on cap_uses (expires_at);

-- The places that a message took, until it is known whether it went out. `id` is its first delivery; a push message has
-- one for each device. `expires_at` is when the last of its windows is over, and giving back would help nobody.
create table cap_holds (
  tenant_id uuid not null,
  id uuid not null,
  live boolean not null,
  delivery_ids uuid[] not null,
  places jsonb not null,
  look_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, id)
);
create index cap_holds_by_look on cap_holds (look_at);

-- What a tenant allows itself in a day, by category (`*`: all together): {"marketing": 10000}, and to the users of a segment.
create table tenant_quotas (
  tenant_id uuid primary key references tenants (id),
  per_day jsonb not null,
  segments jsonb not null,
  timezone text,
  updated_at timestamptz not null
);

select keep_tenants_apart('cap_uses', 'cap_holds', 'tenant_quotas');
