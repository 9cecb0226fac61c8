import { column, FIRST_ID, type Queryable } from '../store/index.ts';

/** In the order of our ids; the page starts behind the id `after`. */
export async function listExternalIds(
  db: Queryable,
  query: { tenantId: string; after: string | null; limit: number },
): Promise<{ user_id: string; external_id: string }[]> {
  const { rows } = await db.query<{ user_id: string; external_id: string }>(
    `select id as user_id, external_id from users
      where tenant_id = $1 and id > $2 and not internal
      order by id limit $3`,
    [query.tenantId, query.after ?? FIRST_ID, query.limit],
  );
  return rows;
}

export interface ExportRow {
  external_id: string;
  locale: string | null;
  timezone: string | null;
  attributes: Record<string, unknown>;
  /** Addresses by kind. */
  contacts: Record<string, string> | null;
  topics: string[] | null;
}

/** What a file says about these users, in the order of `ids`; who is gone is missing. */
export async function loadExport(
  db: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<ExportRow[]> {
  const { rows } = await db.query<ExportRow>({
    name: 'export_users',
    text: `select u.external_id, u.locale, u.timezone, u.attributes, c.contacts, t.topics
      from unnest($2::uuid[]) with ordinality as wanted (id, n)
      cross join lateral (select * from users where tenant_id = $1 and id = wanted.id limit 1) u
      cross join lateral (
        select json_object_agg(kind, address) as contacts from contacts where tenant_id = $1 and user_id = wanted.id
      ) c
      cross join lateral (
        select array_agg(topic order by topic) as topics from topic_subscriptions
          where tenant_id = $1 and user_id = wanted.id
      ) t
      order by wanted.n`,
    values: [tenantId, column(ids, (id) => id)],
  });
  return rows;
}
