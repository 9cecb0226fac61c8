import { column, type Queryable } from '../store/index.ts';

/** The time zones of users, in the order of no matter what; users that there are not are missing. */
export async function loadTimezones(
  db: Queryable,
  wanted: readonly { tenantId: string; externalId: string }[],
): Promise<{ tenantId: string; externalId: string; timezone: string | null }[]> {
  const { rows } = await db.query({
    name: 'users_timezones',
    text: `select u.tenant_id as "tenantId", u.external_id as "externalId", u.timezone
      from unnest($1::uuid[], $2::text[]) as wanted (tenant_id, external_id)
      cross join lateral (
        select * from users where tenant_id = wanted.tenant_id and external_id = wanted.external_id limit 1
      ) u`,
    values: [column(wanted, (user) => user.tenantId), column(wanted, (user) => user.externalId)],
  });
  return rows;
}
