-- What an installation or a tenant sets beside the facts that a provider declares. `{}` is: nothing set.

-- {"ratePerSecond": n, "maxInFlight": n}, both optional.
alter table connections add column limits jsonb not null default '{}';

-- {"rates": {"sms": n, …}}: starts a second by channel, over all connections of the tenant.
alter table tenants add column limits jsonb not null default '{}';
