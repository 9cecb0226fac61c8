import type { Queryable } from '../store/index.ts';

export async function findTenant(db: Queryable, slug: string): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>('select id from tenants where slug = $1', [slug]);
  return rows[0]?.id ?? null;
}

/** Does nothing when the slug is taken. */
export async function insertTenant(
  db: Queryable,
  tenant: { id: string; slug: string; name: string; createdAt: Date },
): Promise<void> {
  await db.query(
    'insert into tenants (id, slug, name, created_at) values ($1, $2, $3, $4) on conflict (slug) do nothing',
    [tenant.id, tenant.slug, tenant.name, tenant.createdAt],
  );
}

/** True for the one transaction, over all processes and for all time, that sets this mark. */
export async function insertMark(db: Queryable, key: string, value: object): Promise<boolean> {
  const { rowCount } = await db.query(
    'insert into instance (key, value) values ($1, $2) on conflict (key) do nothing',
    [key, value],
  );
  return rowCount === 1;
}

/** All tenants, for tools that look at everything. */
export async function listTenantIds(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>('select id from tenants order by id');
  return rows.map((row) => row.id);
}
