import { column, type Queryable } from '../store/index.ts';
import type { Frequency } from './frequency.ts';
import type { UserRef } from './quiet-store.ts';

export type FrequencyRow = Frequency & {
  tenantId: string;
  userId: string;
  category: string;
  updatedAt: Date;
};

/** Everything that these users chose. */
export async function selectFrequencies(db: Queryable, users: readonly UserRef[]): Promise<FrequencyRow[]> {
  const { rows } = await db.query<FrequencyRow>({
    name: 'select frequencies',
    text: `select f.tenant_id as "tenantId", f.user_id as "userId", f.category, f.frequency, f.at, f.day,
        f.updated_at as "updatedAt"
      from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, user_id)
      cross join lateral (
        select * from frequencies where tenant_id = wanted.tenant_id and user_id = wanted.user_id
        order by category limit 1000
      ) f`,
    values: [column(users, (user) => user.tenantId), column(users, (user) => user.id)],
  });
  return rows;
}

export async function saveFrequency(
  db: Queryable,
  { tenantId, id }: UserRef,
  chosen: Frequency & { category: string; now: Date },
): Promise<void> {
  await db.query(
    `insert into frequencies (tenant_id, user_id, category, frequency, at, day, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (tenant_id, user_id, category) do update set
       frequency = excluded.frequency, at = excluded.at, day = excluded.day, updated_at = excluded.updated_at`,
    [tenantId, id, chosen.category, chosen.frequency, chosen.at, chosen.day, chosen.now],
  );
}

/** From then on it is as the category says. */
export async function deleteFrequency(
  db: Queryable,
  { tenantId, id }: UserRef,
  category: string,
): Promise<void> {
  await db.query('delete from frequencies where tenant_id = $1 and user_id = $2 and category = $3', [
    tenantId,
    id,
    category,
  ]);
}
