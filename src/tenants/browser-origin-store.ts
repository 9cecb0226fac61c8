import type { Queryable } from '../store/index.ts';

export async function loadOrigins(db: Queryable, tenantId: string): Promise<string[]> {
  const { rows } = await db.query<{ origin: string }>(
    'select origin from browser_origins where tenant_id = $1 order by origin',
    [tenantId],
  );
  return rows.map(({ origin }) => origin);
}

/** These are the tenant's origins from now on, in place of those before. */
export async function saveOrigins(
  db: Queryable,
  { tenantId, origins, now }: { tenantId: string; origins: string[]; now: Date },
): Promise<void> {
  await db.query(
    `with gone as (delete from browser_origins where tenant_id = $1 and origin <> all($2::text[]))
    insert into browser_origins (tenant_id, origin, created_at)
      select $1, origin, $3 from unnest($2::text[]) as origin on conflict (tenant_id, origin) do nothing`,
    [tenantId, origins, now],
  );
}

/** Of all tenants: asked before anybody knows whose page it is. */
export async function selectTenantsOfOrigin(db: Queryable, origin: string): Promise<string[]> {
  const { rows } = await db.query<{ tenant_id: string }>({
    name: 'select tenants of origin',
    text: 'select tenant_id from browser_origins where origin = $1',
    values: [origin],
  });
  return rows.map((row) => row.tenant_id);
}
