import type { Queryable } from '../store/index.ts';
import type { StoredSecrets } from '../tenants/index.ts';

export interface HookRow extends StoredSecrets {
  tenant_id: string;
  id: string;
  moment: string;
  url: string;
  /** Empty: all of them. So with categories and environments. */
  channels: string[];
  categories: string[];
  environments: string[];
  timeout_ms: number;
  on_failure: string;
  enabled: boolean;
  /** Until when the secret before the present one signs as well. */
  previous_until: Date | null;
  version: number;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = `h.tenant_id, h.id, h.moment, h.url, h.channels, h.categories, h.environments, h.timeout_ms,
  h.on_failure, h.enabled, h.secrets, h.previous_until, h.version, h.created_at, h.updated_at, k.wrapped, k.kek_id`;
const WITH_DATA_KEY = `from hooks h
  left join data_keys k on k.tenant_id = h.tenant_id and k.version = (h.secrets->>'dataKey')::integer`;

/** The enabled hooks of several tenants, in the order in which they are called. */
export async function selectEnabledHooks(db: Queryable, tenantIds: string[]): Promise<HookRow[]> {
  const { rows } = await db.query<HookRow>({
    name: 'select enabled hooks',
    text: `select ${COLUMNS} ${WITH_DATA_KEY} where h.tenant_id = any($1::uuid[]) and h.enabled
      order by h.tenant_id, h.id`,
    values: [tenantIds],
  });
  return rows;
}

/** By id; `after` is the last id of the page before. */
export async function selectHookPage(
  db: Queryable,
  page: { tenantId: string; after: string | null; limit: number },
): Promise<HookRow[]> {
  const { rows } = await db.query<HookRow>(
    `select ${COLUMNS} ${WITH_DATA_KEY}
    where h.tenant_id = $1 and h.id > $2 order by h.id limit $3`,
    [page.tenantId, page.after ?? '', page.limit],
  );
  return rows;
}

export async function findHook(db: Queryable, tenantId: string, id: string): Promise<HookRow | null> {
  const { rows } = await db.query<HookRow>(
    `select ${COLUMNS} ${WITH_DATA_KEY} where h.tenant_id = $1 and h.id = $2`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/** Until the commit, changes of a tenant's hooks go one after the other, so that their number stays bounded. */
export async function lockHooks(db: Queryable, tenantId: string): Promise<void> {
  await db.query("select pg_advisory_xact_lock(hashtextextended('hooks ' || $1, 0))", [tenantId]);
}

/** The ids of at most `limit` hooks. */
export async function selectHookIds(db: Queryable, tenantId: string, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>('select id from hooks where tenant_id = $1 limit $2', [
    tenantId,
    limit,
  ]);
  return rows.map((row) => row.id);
}

export type SavedHook = Omit<HookRow, 'wrapped' | 'kek_id'>;

export async function saveHook(db: Queryable, row: SavedHook): Promise<void> {
  await db.query(
    `insert into hooks (tenant_id, id, moment, url, channels, categories, environments, timeout_ms, on_failure, enabled,
      secrets, previous_until, version, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    on conflict (tenant_id, id) do update set
      moment = excluded.moment, url = excluded.url, channels = excluded.channels, categories = excluded.categories,
      environments = excluded.environments, timeout_ms = excluded.timeout_ms, on_failure = excluded.on_failure,
      enabled = excluded.enabled, secrets = excluded.secrets, previous_until = excluded.previous_until,
      version = excluded.version, updated_at = excluded.updated_at`,
    [
      row.tenant_id,
      row.id,
      row.moment,
      row.url,
      row.channels,
      row.categories,
      row.environments,
      row.timeout_ms,
      row.on_failure,
      row.enabled,
      row.secrets,
      row.previous_until,
      row.version,
      row.created_at,
      row.updated_at,
    ],
  );
}

/** False when there is none. */
export async function deleteHook(db: Queryable, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await db.query('delete from hooks where tenant_id = $1 and id = $2', [tenantId, id]);
  return rowCount === 1;
}
