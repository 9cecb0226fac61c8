import { column, jsonColumn, type Queryable } from '../store/index.ts';
import { type ImportedUser, MAX_ATTRIBUTES_BYTES } from './import-row.ts';

export type NewUser = ImportedUser & { id: string };

// The database writes JSON with blanks, and numbers in full.
const MAX_TEXT_BYTES = 2 * MAX_ATTRIBUTES_BYTES;

/** External ids of those whose attributes would become too much with what they have: an import only ever adds. */
export async function selectOverfull(
  db: Queryable,
  tenantId: string,
  users: readonly ImportedUser[],
): Promise<Set<string>> {
  const given = users.filter(({ attributes }) => Object.keys(attributes).length > 0);
  const { rows } = await db.query<{ external_id: string }>({
    name: 'import_overfull',
    text: `select given.external_id
      from unnest($2::text[], string_to_array($3, chr(30))) as given (external_id, attributes)
      cross join lateral (
        select attributes from users where tenant_id = $1 and external_id = given.external_id limit 1
      ) u
      where octet_length((u.attributes || given.attributes::jsonb)::text)
        > greatest($4::int, octet_length(u.attributes::text))`,
    values: [
      tenantId,
      column(given, ({ externalId }) => externalId),
      jsonColumn(given, ({ attributes }) => JSON.stringify(attributes)),
      MAX_TEXT_BYTES,
    ],
  });
  return new Set(rows.map(({ external_id }) => external_id));
}

/**
 * Makes users, or changes those there are where the file says something new: attributes are merged. Returns our ids of
 * those that were made or changed. `users` are in the order of their external ids, each once.
 */
export async function upsertUsers(
  db: Queryable,
  tenantId: string,
  users: readonly NewUser[],
  now: Date,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'import_users',
    text: `insert into users as u (tenant_id, id, external_id, locale, timezone, attributes, created_at, updated_at)
      select $1, id, external_id, locale, timezone, attributes::jsonb, $7, $7
      from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], string_to_array($6, chr(30)))
        as t (id, external_id, locale, timezone, attributes)
      on conflict (tenant_id, external_id) do update set
        locale = coalesce(excluded.locale, u.locale),
        timezone = coalesce(excluded.timezone, u.timezone),
        attributes = u.attributes || excluded.attributes,
        updated_at = excluded.updated_at
      where coalesce(excluded.locale, u.locale) is distinct from u.locale
        or coalesce(excluded.timezone, u.timezone) is distinct from u.timezone
        or u.attributes || excluded.attributes <> u.attributes
      returning u.id`,
    values: [
      tenantId,
      column(users, ({ id }) => id),
      column(users, ({ externalId }) => externalId),
      column(users, ({ locale }) => locale ?? null),
      column(users, ({ timezone }) => timezone ?? null),
      jsonColumn(users, ({ attributes }) => JSON.stringify(attributes)),
      now,
    ],
  });
  return rows.map(({ id }) => id);
}

/** A changed address is a new contact, so it becomes active; one that is the same keeps its state. */
export async function upsertContactsOf(
  db: Queryable,
  tenantId: string,
  users: readonly ImportedUser[],
  now: Date,
): Promise<void> {
  const contacts = users.flatMap(({ externalId, contacts }) =>
    contacts.map((each) => ({ externalId, ...each })),
  );
  if (contacts.length === 0) return;
  await db.query({
    name: 'import_contacts',
    text: `insert into contacts as c (tenant_id, user_id, kind, address, updated_at)
      select $1, u.id, given.kind, given.address, $5
      from unnest($2::text[], $3::text[], $4::text[]) as given (external_id, kind, address)
      cross join lateral (select id from users where tenant_id = $1 and external_id = given.external_id limit 1) u
      on conflict (tenant_id, user_id, kind) do update set
        address = excluded.address, inactive_at = null, inactive_reason = null, updated_at = excluded.updated_at
      where c.address <> excluded.address`,
    values: [
      tenantId,
      column(contacts, ({ externalId }) => externalId),
      column(contacts, ({ kind }) => kind),
      column(contacts, ({ address }) => address),
      now,
    ],
  });
}

/** Adds subscriptions; those that the file does not name stay. */
export async function subscribeImported(
  db: Queryable,
  tenantId: string,
  users: readonly ImportedUser[],
  now: Date,
): Promise<void> {
  const wanted = users.flatMap(({ externalId, topics }) => topics.map((topic) => ({ externalId, topic })));
  if (wanted.length === 0) return;
  await db.query({
    name: 'import_topics',
    text: `insert into topic_subscriptions (tenant_id, topic, user_id, created_at)
      select $1, given.topic, u.id, $4 from unnest($2::text[], $3::text[]) as given (external_id, topic)
      cross join lateral (select id from users where tenant_id = $1 and external_id = given.external_id limit 1) u
      on conflict do nothing`,
    values: [
      tenantId,
      column(wanted, ({ externalId }) => externalId),
      column(wanted, ({ topic }) => topic),
      now,
    ],
  });
}
