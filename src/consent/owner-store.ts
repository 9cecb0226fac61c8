import type { Queryable } from '../store/index.ts';

/** How a tenant presents itself to its users. */
export interface Owner {
  name: string | null;
  /** An https address. */
  logoUrl: string | null;
}

export const NOBODY: Owner = { name: null, logoUrl: null };

export async function loadOwner(db: Queryable, tenantId: string): Promise<Owner> {
  const { rows } = await db.query<Owner>(
    'select name, logo_url as "logoUrl" from page_owners where tenant_id = $1',
    [tenantId],
  );
  return rows[0] ?? NOBODY;
}

export async function saveOwner(
  db: Queryable,
  { tenantId, name, logoUrl, now }: Owner & { tenantId: string; now: Date },
): Promise<void> {
  await db.query(
    `insert into page_owners (tenant_id, name, logo_url, updated_at) values ($1, $2, $3, $4)
     on conflict (tenant_id) do update set
       name = excluded.name, logo_url = excluded.logo_url, updated_at = excluded.updated_at`,
    [tenantId, name, logoUrl, now],
  );
}
