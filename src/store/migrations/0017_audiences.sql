-- Who subscribed to what. Topics are paths (`sport/football`); a range of the index holds a topic with everything below it.
create table topic_subscriptions (
  tenant_id uuid not null,
  topic text collate "C" not null,
  user_id uuid not null,
  created_at timestamptz not null,
  primary key (tenant_id, topic, user_id),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
create index topic_subscriptions_by_user on topic_subscriptions (tenant_id, user_id, topic);

-- Users chosen by a rule. `generation` counts the rules there were; its members are being written, or stand complete when
-- it is `shown`, the one that is read. `listens` names what a change of which may change who fits, `uses` the segments
-- that the rule names. `cursor` is the last user that a pass through all users has judged; `due_at` when it goes on.
create table segments (
  tenant_id uuid not null references tenants (id),
  id text not null,
  uid uuid not null,
  rule jsonb not null,
  uses text[] not null,
  listens text[] not null,
  refresh_seconds integer,
  generation integer not null,
  shown integer not null default 0,
  cursor uuid,
  written bigint not null default 0,
  members bigint not null default 0,
  added bigint not null default 0,
  removed bigint not null default 0,
  problem text,
  due_at timestamptz not null,
  started_at timestamptz,
  refreshed_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);
create index segments_due on segments (due_at);

create table segment_members (
  tenant_id uuid not null,
  segment_uid uuid not null,
  generation integer not null,
  user_id uuid not null,
  primary key (tenant_id, segment_uid, generation, user_id)
);

-- Generations that nobody reads any more: their members are deleted in batches.
create table segment_leftovers (
  tenant_id uuid not null,
  segment_uid uuid not null,
  generation integer not null,
  primary key (tenant_id, segment_uid, generation)
);

-- Users of whom something was written that segments ask about, in the same commit as the change. Only appended and
-- consumed: a row of its own for each change locks nobody out.
create table audience_changes (
  seq bigint generated always as identity primary key,
  tenant_id uuid not null,
  user_id uuid not null,
  kind text not null
);

-- A file of users. Chunks hold whole records; the next to be read is `next_chunk`, and `due_at` is null unless there is
-- work to do.
create table imports (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  state text not null,
  dry_run boolean not null,
  columns jsonb,
  bytes bigint not null default 0,
  lines bigint not null default 0,
  chunks integer not null default 0,
  next_chunk integer not null default 0,
  rows_read bigint not null default 0,
  rows_created bigint not null default 0,
  rows_changed bigint not null default 0,
  rows_refused bigint not null default 0,
  errors_kept integer not null default 0,
  problem text,
  due_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  finished_at timestamptz,
  primary key (tenant_id, id)
);
create index imports_due on imports (due_at) where due_at is not null;
create index imports_by_time on imports (updated_at);
create index imports_unfinished on imports (tenant_id) where finished_at is null;

create table import_chunks (
  tenant_id uuid not null,
  import_id uuid not null,
  n integer not null,
  first_line bigint not null,
  data bytea not null,
  primary key (tenant_id, import_id, n),
  foreign key (tenant_id, import_id) references imports (tenant_id, id) on delete cascade
);
-- It lives for minutes: packing it would cost more than it saves.
alter table import_chunks alter column data set storage external;

create table import_errors (
  tenant_id uuid not null,
  import_id uuid not null,
  line bigint not null,
  field text not null,
  rule text not null,
  primary key (tenant_id, import_id, line),
  foreign key (tenant_id, import_id) references imports (tenant_id, id) on delete cascade
);

select keep_tenants_apart('topic_subscriptions', 'segments', 'segment_members', 'segment_leftovers', 'audience_changes',
  'imports', 'import_chunks', 'import_errors');

-- Triggers, because users are written by many (API, links, receipts, imports), and a change that is forgotten would leave
-- a segment wrong. They run once a statement and append only what a segment of the tenant listens to.
create function note_audience_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into audience_changes (tenant_id, user_id, kind)
      select distinct r.tenant_id, r.user_id, tg_argv[0] from new_rows r
      where exists (select 1 from segments s where s.tenant_id = r.tenant_id and s.listens @> array[tg_argv[0]]);
  elsif tg_op = 'DELETE' then
    insert into audience_changes (tenant_id, user_id, kind)
      select distinct r.tenant_id, r.user_id, tg_argv[0] from old_rows r
      where exists (select 1 from segments s where s.tenant_id = r.tenant_id and s.listens @> array[tg_argv[0]]);
  else
    -- A device may move to another user.
    insert into audience_changes (tenant_id, user_id, kind)
      select r.tenant_id, r.user_id, tg_argv[0]
      from (select tenant_id, user_id from new_rows union select tenant_id, user_id from old_rows) r
      where exists (select 1 from segments s where s.tenant_id = r.tenant_id and s.listens @> array[tg_argv[0]]);
  end if;
  return null;
end
$$;

-- Whether a user is there at all matters to every segment.
create function note_user_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    insert into audience_changes (tenant_id, user_id, kind)
      select r.tenant_id, r.id, 'user' from old_rows r
      where exists (select 1 from segments s where s.tenant_id = r.tenant_id);
  elsif tg_op = 'INSERT' then
    insert into audience_changes (tenant_id, user_id, kind)
      select r.tenant_id, r.id, 'user' from new_rows r
      where exists (select 1 from segments s where s.tenant_id = r.tenant_id);
  else
    insert into audience_changes (tenant_id, user_id, kind)
      select r.tenant_id, r.id, 'user' from new_rows r
      where exists (select 1 from segments s where s.tenant_id = r.tenant_id and s.listens @> array['user']);
  end if;
  return null;
end
$$;

do $$
declare
  watched record;
begin
  for watched in
    select * from (values ('users', 'user'), ('contacts', 'contact'), ('devices', 'device'),
      ('preferences', 'preference'), ('topic_subscriptions', 'topic')) as t (name, kind)
  loop
    execute format(
      'create trigger audience_insert after insert on %I referencing new table as new_rows '
      'for each statement execute function %I(%L)',
      watched.name, case watched.name when 'users' then 'note_user_change' else 'note_audience_change' end, watched.kind);
    execute format(
      'create trigger audience_update after update on %I referencing old table as old_rows new table as new_rows '
      'for each statement execute function %I(%L)',
      watched.name, case watched.name when 'users' then 'note_user_change' else 'note_audience_change' end, watched.kind);
    execute format(
      'create trigger audience_delete after delete on %I referencing old table as old_rows '
      'for each statement execute function %I(%L)',
      watched.name, case watched.name when 'users' then 'note_user_change' else 'note_audience_change' end, watched.kind);
  end loop;
end
$$;

-- An occurrence of a schedule on its way to a topic or a segment: a page of users at a time, `place` is where the next one
-- begins. `content` is what is said, as it was when the occurrence fired; `due_at` is null when it is over.
create table audience_sends (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  live boolean not null,
  schedule_id text not null,
  schedule_uid uuid not null,
  local_time text not null,
  audience jsonb not null,
  content jsonb not null,
  place text,
  problem text,
  due_at timestamptz,
  created_at timestamptz not null,
  finished_at timestamptz,
  primary key (tenant_id, id)
);
create index audience_sends_due on audience_sends (due_at) where due_at is not null;
create index audience_sends_finished on audience_sends (finished_at) where finished_at is not null;
select keep_tenants_apart('audience_sends');
