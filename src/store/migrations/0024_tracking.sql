-- What a tenant wants to know of the visits to his mails. Nothing is tracked where there is no row.
create table tracking_settings (
  tenant_id uuid primary key references tenants (id),
  enabled boolean not null,
  opens boolean not null,
  clicks boolean not null,
  text_links boolean not null,
  beacons boolean not null,
  over_vendors boolean not null,
  origin text,
  updated_at timestamptz not null
);

-- Visits to the addresses in one delivery, counted: a row for each link, and one for each other kind of visit. What the
-- visits of people mean for the delivery stands in `receipts` and in the delivery's own marks.
create table visits (
  delivery_id uuid not null,
  kind text not null,
  link smallint not null,
  tenant_id uuid not null,
  url text,
  people integer not null,
  proxies integer not null,
  machines integer not null,
  -- Of the last visit by a machine.
  why text,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (delivery_id, kind, link)
) partition by range (delivery_id);
-- For deliveries of months that were over, or had begun, before this table was there; named like the partitions of months.
create table visits_0000_00 partition of visits default;

-- When users last opened and clicked something that was sent to them for real, to the hour: what segments ask about.
create table engagements (
  tenant_id uuid not null,
  user_id uuid not null,
  opened_at timestamptz,
  clicked_at timestamptz,
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
create trigger audience_insert after insert on engagements referencing new table as new_rows
  for each statement execute function note_audience_change('engagement');
create trigger audience_update after update on engagements referencing old table as old_rows new table as new_rows
  for each statement execute function note_audience_change('engagement');
create trigger audience_delete after delete on engagements referencing old table as old_rows
  for each statement execute function note_audience_change('engagement');

select keep_tenants_apart('tracking_settings', 'visits', 'engagements');
