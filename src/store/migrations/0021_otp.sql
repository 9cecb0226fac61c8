-- Users that stand for a bare address which a one-time password is sent to: no list, segment or export shows them.
alter table users add column internal boolean not null default false;

-- What a tenant set for its one-time passwords: the body of the request, the rest is as built in.
create table otp_settings (
  tenant_id uuid primary key references tenants (id),
  settings jsonb not null,
  updated_at timestamptz not null
);

-- A one-time password: never the code, only its keyed hash. `sends` goes into the hash, so each new code has its own.
-- Of the session and the idempotency key (`key_hash`) only hashes are kept as well. What is pending and past its time counts as expired.
create table otps (
  tenant_id uuid not null,
  id uuid not null,
  live boolean not null,
  user_id text not null,
  notification_id uuid not null,
  status text not null,
  code_hash bytea not null,
  key_version integer not null,
  code_length smallint not null,
  session_hash bytea,
  key_hash bytea,
  fingerprint bytea,
  attempts smallint not null,
  max_attempts smallint not null,
  sends smallint not null,
  asked jsonb not null,
  country text,
  prefix text,
  created_at timestamptz not null,
  sent_at timestamptz not null,
  resend_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant_id, id)
) with (fillfactor = 70);
create index otps_by_expiry on otps (expires_at);
create unique index otps_by_key on otps (tenant_id, live, key_hash) where key_hash is not null;
create index otps_by_user on otps (tenant_id, user_id);

-- When a recipient was sent something lately: as many times as its limit of a day, so the windows are exact.
create table otp_recipients (
  tenant_id uuid not null,
  live boolean not null,
  recipient bytea not null,
  sent_at timestamptz[] not null,
  expires_at timestamptz not null,
  primary key (tenant_id, live, recipient)
) with (fillfactor = 70);
create index otp_recipients_by_expiry on otp_recipients (expires_at);

-- Counts by hour, for `…_rate` by ten minutes: of the tenant, a country, the numbers of a prefix, an address of the net,
-- and of refusals by reason. `cost` is in millionths of the unit that prices are given in.
create table otp_uses (
  tenant_id uuid not null,
  live boolean not null,
  scope text not null,
  key text not null,
  starts_at timestamptz not null,
  sent integer not null,
  approved integer not null,
  cost bigint not null,
  expires_at timestamptz not null,
  primary key (tenant_id, live, scope, key, starts_at)
) with (fillfactor = 70);
create index otp_uses_by_expiry on otp_uses (expires_at);

-- Countries and prefixes of which too few codes were entered. Rates are judged by what was sent after `until`.
create table otp_pauses (
  tenant_id uuid not null,
  live boolean not null,
  scope text not null,
  key text not null,
  paused_at timestamptz not null,
  until timestamptz not null,
  sent integer not null,
  approved integer not null,
  primary key (tenant_id, live, scope, key)
);

select keep_tenants_apart('otp_settings', 'otps', 'otp_recipients', 'otp_uses', 'otp_pauses');
