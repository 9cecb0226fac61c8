-- When the caller's application said that the user did what the notification is about (POST …/confirm).
alter table notifications add column confirmed_at timestamptz;

-- The channels belong to this step of a ladder (from 0), and with `climbs` the ladder goes on from this turn: at most one
-- row of a notification has it.
alter table postponed add column step smallint;
alter table postponed add column climbs boolean not null default false;
