import { FIRST_ID, type Queryable } from '../store/index.ts';
import type { ProfileChange } from './profile.ts';

export interface UserRow {
  id: string;
  external_id: string;
  locale: string | null;
  timezone: string | null;
  attributes: Record<string, unknown>;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = 'u.id, u.external_id, u.locale, u.timezone, u.attributes, u.created_at, u.updated_at';

/** A tenant's user by the caller's id. */
export interface UserKey {
  tenantId: string;
  externalId: string;
}

/** Creates the user under `id` or changes the one there is: `created` tells which. Holds the row until the commit. */
export async function upsertUser(
  db: Queryable,
  key: UserKey,
  change: Pick<ProfileChange, 'locale' | 'timezone' | 'attributes'> & { id: string; now: Date },
): Promise<UserRow & { created: boolean }> {
  const { rows } = await db.query(
    `insert into users as u (tenant_id, id, external_id, locale, timezone, attributes, created_at, updated_at)
    values ($1, $2, $3, $4, $5, coalesce($6::jsonb, '{}'), $7, $7)
    on conflict (tenant_id, external_id) do update set
      locale = case when $8 then excluded.locale else u.locale end,
      timezone = case when $9 then excluded.timezone else u.timezone end,
      attributes = coalesce($6::jsonb, u.attributes),
      updated_at = excluded.updated_at
    returning ${COLUMNS}, u.id = $2 as created`,
    [
      key.tenantId,
      change.id,
      key.externalId,
      change.locale ?? null,
      change.timezone ?? null,
      change.attributes ?? null,
      change.now,
      change.locale !== undefined,
      change.timezone !== undefined,
    ],
  );
  return rows[0];
}

/** Like `upsertUser`, of one that stands for bare addresses. Returns our id. */
export async function upsertInternalUser(
  db: Queryable,
  user: UserKey & { id: string; locale: string | null; now: Date },
): Promise<string> {
  const { rows } = await db.query(
    `insert into users as u (tenant_id, id, external_id, locale, attributes, created_at, updated_at, internal)
    values ($1, $2, $3, $4, '{}', $5, $5, true)
    on conflict (tenant_id, external_id) do update set
      locale = case when u.internal then excluded.locale else u.locale end, updated_at = excluded.updated_at
    returning id`,
    [user.tenantId, user.id, user.externalId, user.locale, user.now],
  );
  return rows[0].id;
}

/** Only those that stand for bare addresses and were last saved before `before`. */
export async function deleteInternalUsers(
  db: Queryable,
  users: readonly UserKey[],
  before: Date,
): Promise<void> {
  await db.query({
    name: 'users_delete_internal',
    text: `delete from users u using unnest($1::uuid[], $2::text[]) as gone (tenant_id, external_id)
      where u.tenant_id = gone.tenant_id and u.external_id = gone.external_id and u.internal and u.updated_at < $3`,
    values: [users.map(({ tenantId }) => tenantId), users.map(({ externalId }) => externalId), before],
  });
}

export async function findUser(db: Queryable, key: UserKey): Promise<UserRow | null> {
  const { rows } = await db.query(
    `select ${COLUMNS} from users u where u.tenant_id = $1 and u.external_id = $2`,
    [key.tenantId, key.externalId],
  );
  return rows[0] ?? null;
}

export async function findUserId(db: Queryable, key: UserKey): Promise<string | null> {
  const { rows } = await db.query('select id from users where tenant_id = $1 and external_id = $2', [
    key.tenantId,
    key.externalId,
  ]);
  return rows[0]?.id ?? null;
}

/** In the order they were made; the page starts behind the id `after`. */
export async function listUsers(
  db: Queryable,
  query: { tenantId: string; after: string | null; limit: number },
): Promise<UserRow[]> {
  const { rows } = await db.query(
    `select ${COLUMNS} from users u
    where u.tenant_id = $1 and u.id > $2 and not u.internal
    order by u.id
    limit $3`,
    // As a parameter: a coalesce() here would keep the planner from using the index under row-level security.
    [query.tenantId, query.after ?? FIRST_ID, query.limit],
  );
  return rows;
}

/**
 * Users whose external id begins with `prefix`, in the order of that id's code points, so that the page is a slice
 * of one index; it starts behind the external id `after`.
 */
export async function listUsersByPrefix(
  db: Queryable,
  query: { tenantId: string; prefix: string; after: string | null; limit: number },
): Promise<UserRow[]> {
  const { rows } = await db.query(
    `select ${COLUMNS} from users u
    where u.tenant_id = $1 and not u.internal and u.external_id collate "C" >= $2 and u.external_id collate "C" < $3
      and u.external_id collate "C" > $4
    order by u.external_id collate "C"
    limit $5`,
    // U+10FFFF, a noncharacter, sorts behind every text that continues the prefix.
    [query.tenantId, query.prefix, `${query.prefix}\u{10ffff}`, query.after ?? '', query.limit],
  );
  return rows;
}

/** Deletes the user with contacts and devices (by cascade) and inbox. False when there is none. */
export async function deleteUser(db: Queryable, key: UserKey): Promise<boolean> {
  const { rowCount } = await db.query(
    `with gone as (delete from users where tenant_id = $1 and external_id = $2 returning id),
      items as (delete from inbox_items i using gone where i.tenant_id = $1 and i.user_id = gone.id),
      changes as (delete from inbox_changes c using gone where c.tenant_id = $1 and c.user_id = gone.id),
      cursors as (delete from inbox_cursors k using gone where k.tenant_id = $1 and k.user_id = gone.id)
    select from gone`,
    [key.tenantId, key.externalId],
  );
  return rowCount === 1;
}

/** A changed address is a new contact, so it becomes active; one that is the same keeps its state. */
export async function upsertContacts(
  db: Queryable,
  user: { tenantId: string; id: string },
  contacts: { kind: string; address: string }[],
  now: Date,
): Promise<void> {
  await db.query(
    `insert into contacts as c (tenant_id, user_id, kind, address, updated_at)
    select $1, $2, given.kind, given.address, $5 from unnest($3::text[], $4::text[]) as given (kind, address)
    on conflict (tenant_id, user_id, kind) do update set
      address = excluded.address, inactive_at = null, inactive_reason = null, updated_at = excluded.updated_at
    where c.address <> excluded.address`,
    [user.tenantId, user.id, contacts.map(({ kind }) => kind), contacts.map(({ address }) => address), now],
  );
}

/** A contact that is not the user's any more stays what it is by now. */
export async function moveContacts(
  db: Queryable,
  now: number,
  moves: { tenantId: string; userId: string; kind: string; from: string; to: string }[],
): Promise<void> {
  const ordered = moves.toSorted((a, b) => (a.userId < b.userId ? -1 : 1));
  await db.query(
    `update contacts c set address = moved.target, updated_at = $6
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) as moved (tenant_id, user_id, kind, source, target)
    where c.tenant_id = moved.tenant_id and c.user_id = moved.user_id and c.kind = moved.kind and c.address = moved.source`,
    [
      ordered.map((move) => move.tenantId),
      ordered.map((move) => move.userId),
      ordered.map((move) => move.kind),
      ordered.map((move) => move.from),
      ordered.map((move) => move.to),
      new Date(now),
    ],
  );
}

export async function deleteContacts(
  db: Queryable,
  user: { tenantId: string; id: string },
  kinds: string[],
): Promise<void> {
  await db.query('delete from contacts where tenant_id = $1 and user_id = $2 and kind = any($3)', [
    user.tenantId,
    user.id,
    kinds,
  ]);
}

export interface ContactRow {
  kind: string;
  address: string;
  inactive_at: Date | null;
  inactive_reason: string | null;
  /** Why the tenant's suppression list has the address; null when it has not. */
  suppressed_reason: string | null;
}

export async function listContacts(
  db: Queryable,
  user: { tenantId: string; id: string },
): Promise<ContactRow[]> {
  const { rows } = await db.query(
    `select c.kind, c.address, c.inactive_at, c.inactive_reason, s.reason as suppressed_reason
    from contacts c
    left join suppressions s on s.tenant_id = c.tenant_id and s.kind = c.kind
      and s.address = case c.kind when 'email' then lower(c.address collate "C") collate "default" else c.address end
    where c.tenant_id = $1 and c.user_id = $2
    order by c.kind`,
    [user.tenantId, user.id],
  );
  return rows;
}
