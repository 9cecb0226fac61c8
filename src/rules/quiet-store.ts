import { column, type Queryable } from '../store/index.ts';
import type { QuietWindow } from './quiet-hours.ts';

export interface TenantQuietRow {
  tenant_id: string;
  windows: QuietWindow[];
  timezone: string | null;
}

/** Of several tenants; those that declared nothing are missing. */
export async function selectTenantQuiet(db: Queryable, tenantIds: string[]): Promise<TenantQuietRow[]> {
  const { rows } = await db.query<TenantQuietRow>({
    name: 'select tenant quiet hours',
    text: 'select tenant_id, windows, timezone from tenant_quiet_hours where tenant_id = any($1::uuid[])',
    values: [tenantIds],
  });
  return rows;
}

export async function saveTenantQuiet(
  db: Queryable,
  quiet: { tenantId: string; windows: QuietWindow[]; timezone: string | null; now: Date },
): Promise<void> {
  await db.query(
    `insert into tenant_quiet_hours (tenant_id, windows, timezone, updated_at) values ($1, $2, $3, $4)
     on conflict (tenant_id) do update set
       windows = excluded.windows, timezone = excluded.timezone, updated_at = excluded.updated_at`,
    [quiet.tenantId, JSON.stringify(quiet.windows), quiet.timezone, quiet.now],
  );
}

export async function deleteTenantQuiet(db: Queryable, tenantId: string): Promise<void> {
  await db.query('delete from tenant_quiet_hours where tenant_id = $1', [tenantId]);
}

export interface UserRef {
  tenantId: string;
  /** Ours. */
  id: string;
}

/** The own windows of users; those who have none are missing. */
export async function selectUserQuiet(
  db: Queryable,
  users: readonly UserRef[],
): Promise<{ tenant_id: string; user_id: string; windows: QuietWindow[] }[]> {
  const { rows } = await db.query({
    name: 'select user quiet hours',
    text: `select q.tenant_id, q.user_id, q.windows
      from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, user_id)
      cross join lateral (
        select * from user_quiet_hours where tenant_id = wanted.tenant_id and user_id = wanted.user_id limit 1
      ) q`,
    values: [column(users, (user) => user.tenantId), column(users, (user) => user.id)],
  });
  return rows;
}

export async function saveUserQuiet(
  db: Queryable,
  quiet: UserRef & { windows: QuietWindow[]; now: Date },
): Promise<void> {
  await db.query(
    `insert into user_quiet_hours (tenant_id, user_id, windows, updated_at) values ($1, $2, $3, $4)
     on conflict (tenant_id, user_id) do update set windows = excluded.windows, updated_at = excluded.updated_at`,
    [quiet.tenantId, quiet.id, JSON.stringify(quiet.windows), quiet.now],
  );
}

export async function deleteUserQuiet(db: Queryable, { tenantId, id }: UserRef): Promise<void> {
  await db.query('delete from user_quiet_hours where tenant_id = $1 and user_id = $2', [tenantId, id]);
}
