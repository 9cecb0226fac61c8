import type { Queryable } from '../store/index.ts';

export interface FlagValueRow {
  tenant_id: string;
  flag: string;
  environment: string;
  percentage: number;
}

/** The own values of several tenants. */
export async function selectFlagValues(db: Queryable, tenantIds: string[]): Promise<FlagValueRow[]> {
  const { rows } = await db.query<FlagValueRow>({
    name: 'select flag values',
    text: 'select tenant_id, flag, environment, percentage from flag_values where tenant_id = any($1::uuid[])',
    values: [tenantIds],
  });
  return rows;
}

export async function saveFlagValues(
  db: Queryable,
  value: { tenantId: string; flag: string; environments: string[]; percentage: number; now: Date },
): Promise<void> {
  await db.query(
    `insert into flag_values (tenant_id, flag, environment, percentage, updated_at)
    select $1, $2, environment, $4, $5 from unnest($3::text[]) as environment
    on conflict (tenant_id, flag, environment) do update set
      percentage = excluded.percentage, updated_at = excluded.updated_at`,
    [value.tenantId, value.flag, value.environments, value.percentage, value.now],
  );
}

/** From then on the operator's value counts. */
export async function deleteFlagValues(
  db: Queryable,
  value: { tenantId: string; flag: string; environments: string[] },
): Promise<void> {
  await db.query(
    'delete from flag_values where tenant_id = $1 and flag = $2 and environment = any($3::text[])',
    [value.tenantId, value.flag, value.environments],
  );
}
