import type { Queryable } from '../store/index.ts';
import type { SealedSecrets } from './sealed-secrets.ts';

export interface UserTokenKeyRow {
  tenant_id: string;
  version: number;
  secrets: SealedSecrets;
  retires_at: Date | null;
  /** The data key that sealed it. */
  wrapped: Buffer | null;
  kek_id: string | null;
}

/** The keys of several tenants that are good at `now`, newest first. */
export async function selectUserTokenKeys(
  db: Queryable,
  tenantIds: string[],
  now: Date,
): Promise<UserTokenKeyRow[]> {
  const { rows } = await db.query<UserTokenKeyRow>({
    name: 'select user token keys',
    text: `select u.tenant_id, u.version, u.secrets, u.retires_at, k.wrapped, k.kek_id from user_token_keys u
      left join data_keys k on k.tenant_id = u.tenant_id and k.version = (u.secrets->>'dataKey')::integer
      where u.tenant_id = any($1::uuid[]) and (u.retires_at is null or u.retires_at > $2)
      order by u.tenant_id, u.version desc`,
    values: [tenantIds, now],
  });
  return rows;
}

/** The newest version of a tenant, locked; null when he never had a key. */
export async function lockNewestUserTokenKey(db: Queryable, tenantId: string): Promise<number | null> {
  const { rows } = await db.query<{ version: number }>(
    'select version from user_token_keys where tenant_id = $1 order by version desc limit 1 for update',
    [tenantId],
  );
  return rows[0]?.version ?? null;
}

/** False when another process was faster. */
export async function insertUserTokenKey(
  db: Queryable,
  key: { tenantId: string; version: number; secrets: SealedSecrets; now: Date },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into user_token_keys (tenant_id, version, secrets, created_at) values ($1, $2, $3, $4)
      on conflict (tenant_id, version) do nothing`,
    [key.tenantId, key.version, JSON.stringify(key.secrets), key.now],
  );
  return rowCount === 1;
}

/** The one before the newest is good until `until` at the longest; older ones end now, so two are good at most. */
export async function retireUserTokenKeys(
  db: Queryable,
  { tenantId, newest, until, now }: { tenantId: string; newest: number; until: Date; now: Date },
): Promise<void> {
  await db.query(
    `update user_token_keys set retires_at = least(retires_at, case when version = $2 - 1 then $3 else $4 end)
      where tenant_id = $1 and version < $2 and (retires_at is null or retires_at > $4)`,
    [tenantId, newest, until, now],
  );
}
