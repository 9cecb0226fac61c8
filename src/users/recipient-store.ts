import type { Queryable } from '../store/index.ts';
import type { RecipientContact, RecipientDevice, Recipients } from './recipients.ts';

/** A tenant's user by our id. */
interface UserRef {
  tenantId: string;
  id: string;
}

// The statements have names, so that a connection plans them once. An array parameter is estimated at ten rows,
// which makes every generic plan a nested loop over the primary keys, whatever the size of the tables.

export async function selectUsers(
  db: Queryable,
  wanted: { tenantId: string; externalId: string }[],
): Promise<Recipients['user'][]> {
  const { rows } = await db.query({
    name: 'recipient users',
    text: `select u.tenant_id as "tenantId", u.id, u.external_id as "externalId", u.locale, u.timezone, u.attributes
      from unnest($1::uuid[], $2::text[]) as wanted (tenant_id, external_id)
      cross join lateral (
        select * from users where tenant_id = wanted.tenant_id and external_id = wanted.external_id limit 1
      ) u`,
    values: [wanted.map((user) => user.tenantId), wanted.map((user) => user.externalId)],
  });
  return rows;
}

/** A user by our id; null when he was deleted. */
export async function findUserById(
  db: Queryable,
  { tenantId, id }: UserRef,
): Promise<{ externalId: string; locale: string | null } | null> {
  const { rows } = await db.query(
    'select external_id as "externalId", locale from users where tenant_id = $1 and id = $2',
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/**
 * Suppressed e-mail addresses are kept in lower case (`suppressionKey`), hence the `lower`: of ASCII, so without the
 * database's locale, and then back in the collation of the primary key, which is not used under another. The limit
 * makes it a look-up per contact, never a hash of the whole list.
 */
export async function selectContacts(
  db: Queryable,
  users: UserRef[],
): Promise<(RecipientContact & { tenantId: string; userId: string })[]> {
  const { rows } = await db.query({
    name: 'recipient contacts',
    text: `select c.tenant_id as "tenantId", c.user_id as "userId", c.kind, c.address,
        c.inactive_at is not null as inactive, s.address is not null as suppressed
      from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, user_id)
      cross join lateral (
        select * from contacts where tenant_id = wanted.tenant_id and user_id = wanted.user_id limit 100
      ) c
      left join lateral (
        select address from suppressions where tenant_id = c.tenant_id and kind = c.kind
          and address = case c.kind when 'email' then lower(c.address collate "C") collate "default" else c.address end
        limit 1
      ) s on true
      order by c.kind`,
    values: [users.map((user) => user.tenantId), users.map((user) => user.id)],
  });
  return rows;
}

export async function selectDevices(
  db: Queryable,
  users: UserRef[],
): Promise<
  (Omit<RecipientDevice, 'registeredAt'> & { tenantId: string; userId: string; registeredAt: Date })[]
> {
  const { rows } = await db.query({
    name: 'recipient devices',
    text: `select d.tenant_id as "tenantId", d.user_id as "userId", d.id, d.app, d.platform, d.token, d.keys,
        d.registered_at as "registeredAt"
      from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, user_id)
      cross join lateral (
        select * from devices
        where tenant_id = wanted.tenant_id and user_id = wanted.user_id and inactive_at is null
        order by last_active_at desc, id desc
        limit 50
      ) d
      order by d.last_active_at desc, d.id desc`,
    values: [users.map((user) => user.tenantId), users.map((user) => user.id)],
  });
  return rows;
}
