import type { Queryable } from '../store/index.ts';

/** In a quota: all categories together. */
export const ALL_CATEGORIES = '*';

/** How much a tenant allows itself in a day. */
export interface Quotas {
  /** By category, or `*` for all together. */
  perDay: Record<string, number>;
  /** By segment: to its users together. */
  segments: Record<string, number>;
  /** Whose days they are; UTC when null. */
  timezone: string | null;
}

/** Of several tenants; those that declared nothing are missing. */
export async function selectQuotas(
  db: Queryable,
  tenantIds: string[],
): Promise<(Quotas & { tenantId: string })[]> {
  const { rows } = await db.query({
    name: 'select tenant quotas',
    text: `select tenant_id as "tenantId", per_day as "perDay", segments, timezone from tenant_quotas
      where tenant_id = any($1::uuid[])`,
    values: [tenantIds],
  });
  return rows;
}

export async function saveQuotas(
  db: Queryable,
  { tenantId, perDay, segments, timezone, now }: Quotas & { tenantId: string; now: Date },
): Promise<void> {
  await db.query(
    `insert into tenant_quotas (tenant_id, per_day, segments, timezone, updated_at) values ($1, $2, $5, $3, $4)
     on conflict (tenant_id) do update set
       per_day = excluded.per_day, segments = excluded.segments, timezone = excluded.timezone, updated_at = excluded.updated_at`,
    [tenantId, JSON.stringify(perDay), timezone, now, JSON.stringify(segments)],
  );
}

export async function deleteQuotas(db: Queryable, tenantId: string): Promise<void> {
  await db.query('delete from tenant_quotas where tenant_id = $1', [tenantId]);
}
