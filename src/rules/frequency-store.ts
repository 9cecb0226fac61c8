import { column, type Queryable } from '../store/index.ts';
import type { Frequency } from './frequency.ts';
import type { UserRef } from './quiet-store.ts';

export type FrequencyRow = Frequency & {
  tenantId: string;
  userId: string;
  category: string;
  /** Where it was said: `api`, or `page` by the user himself. */
  source: string;
  updatedAt: Date;
};

/** Everything that these users chose. */
export async function selectFrequencies(db: Queryable, users: readonly UserRef[]): Promise<FrequencyRow[]> {
  const { rows } = await db.query<FrequencyRow>({
    name: 'select frequencies',
    text: `select f.tenant_id as "tenantId", f.user_id as "userId", f.category, f.frequency, f.at, f.day,
        f.source, f.updated_at as "updatedAt"
      from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, user_id)
      cross join lateral (
        select * from frequencies where tenant_id = wanted.tenant_id and user_id = wanted.user_id
        order by category limit 1000
      ) f`,
    values: [column(users, (user) => user.tenantId), column(users, (user) => user.id)],
  });
  return rows;
}

/** Chosen anew; null takes it back, and then it is as the category says. */
export interface FrequencyChange {
  category: string;
  frequency: Frequency | null;
}

/** Each category may be named once. */
export async function saveFrequencies(
  db: Queryable,
  { tenantId, id }: UserRef,
  { changes, source, now }: { changes: readonly FrequencyChange[]; source: string; now: Date },
): Promise<void> {
  const chosen = changes.flatMap(({ category, frequency }) =>
    frequency ? [{ category, ...frequency }] : [],
  );
  const undone = changes.filter(({ frequency }) => frequency === null);
  if (undone.length > 0)
    await db.query(
      'delete from frequencies where tenant_id = $1 and user_id = $2 and category = any($3::text[])',
      [tenantId, id, undone.map(({ category }) => category)],
    );
  if (chosen.length > 0)
    await db.query(
      `insert into frequencies (tenant_id, user_id, category, frequency, at, day, source, updated_at)
       select $1, $2, category, frequency, at, day, $7, $8
         from unnest($3::text[], $4::text[], $5::text[], $6::smallint[]) as chosen (category, frequency, at, day)
       on conflict (tenant_id, user_id, category) do update set
         frequency = excluded.frequency, at = excluded.at, day = excluded.day, source = excluded.source,
         updated_at = excluded.updated_at`,
      [
        tenantId,
        id,
        column(chosen, ({ category }) => category),
        column(chosen, ({ frequency }) => frequency),
        column(chosen, ({ at }) => at),
        column(chosen, ({ day }) => day),
        source,
        now,
      ],
    );
}
