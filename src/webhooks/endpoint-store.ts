import type { Queryable } from '../store/index.ts';
import type { CallableRow } from './endpoint.ts';

export interface EndpointRow extends CallableRow {
  description: string | null;
  /** What it wants to hear: types, `noun.*`, or `*`. */
  types: string[];
  /** Empty: all of them. So with categories and environments. */
  channels: string[];
  categories: string[];
  environments: string[];
  enabled: boolean;
  /** Since when we keep it disabled; null when its owner did it, or nobody. */
  disabled_at: Date | null;
  disabled_reason: string | null;
  created_at: Date;
  updated_at: Date;
  failing_since: Date | null;
  paused_until: Date | null;
}

const COLUMNS = `e.tenant_id, e.id, e.key, e.url, e.description, e.types, e.channels, e.categories, e.environments, e.enabled,
  e.disabled_at, e.disabled_reason, e.secrets, e.previous_until, e.version, e.created_at, e.updated_at, k.wrapped, k.kek_id,
  t.failing_since, t.paused_until`;
const FROM = `from webhook_endpoints e
  left join data_keys k on k.tenant_id = e.tenant_id and k.version = (e.secrets->>'dataKey')::integer
  left join webhook_troubles t on t.endpoint_key = e.key`;

/** By id; `after` is the last id of the page before. */
export async function selectEndpointPage(
  db: Queryable,
  page: { tenantId: string; after: string | null; limit: number },
): Promise<EndpointRow[]> {
  const { rows } = await db.query<EndpointRow>(
    `select ${COLUMNS} ${FROM} where e.tenant_id = $1 and e.id > $2 order by e.id limit $3`,
    [page.tenantId, page.after ?? '', page.limit],
  );
  return rows;
}

export async function findEndpoint(db: Queryable, tenantId: string, id: string): Promise<EndpointRow | null> {
  const { rows } = await db.query<EndpointRow>(
    `select ${COLUMNS} ${FROM} where e.tenant_id = $1 and e.id = $2`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/** Until the commit, changes of a tenant's endpoints go one after the other, so that their number stays bounded. */
export async function lockEndpoints(db: Queryable, tenantId: string): Promise<void> {
  await db.query("select pg_advisory_xact_lock(hashtextextended('webhooks ' || $1, 0))", [tenantId]);
}

/** The ids of at most `limit` endpoints. */
export async function selectEndpointIds(db: Queryable, tenantId: string, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    'select id from webhook_endpoints where tenant_id = $1 order by id limit $2',
    [tenantId, limit],
  );
  return rows.map((row) => row.id);
}

export type SavedEndpoint = Omit<EndpointRow, 'wrapped' | 'kek_id' | 'failing_since' | 'paused_until'>;

export async function saveEndpoint(db: Queryable, row: SavedEndpoint): Promise<void> {
  await db.query(
    `insert into webhook_endpoints (tenant_id, id, key, url, description, types, channels, categories, environments, enabled,
      disabled_at, disabled_reason, secrets, previous_until, version, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    on conflict (tenant_id, id) do update set
      url = excluded.url, description = excluded.description, types = excluded.types, channels = excluded.channels,
      categories = excluded.categories, environments = excluded.environments, enabled = excluded.enabled,
      disabled_at = excluded.disabled_at, disabled_reason = excluded.disabled_reason, secrets = excluded.secrets,
      previous_until = excluded.previous_until, version = excluded.version, updated_at = excluded.updated_at`,
    [
      row.tenant_id,
      row.id,
      row.key,
      row.url,
      row.description,
      row.types,
      row.channels,
      row.categories,
      row.environments,
      row.enabled,
      row.disabled_at,
      row.disabled_reason,
      row.secrets,
      row.previous_until,
      row.version,
      row.created_at,
      row.updated_at,
    ],
  );
}

/** False when there is none. Its log goes with time; nothing of it is sent any more. */
export async function deleteEndpoint(db: Queryable, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await db.query('delete from webhook_endpoints where tenant_id = $1 and id = $2', [
    tenantId,
    id,
  ]);
  return rowCount === 1;
}

/** A fresh start: nothing that was before counts against it. */
export async function deleteTrouble(db: Queryable, tenantId: string, key: string): Promise<void> {
  await db.query('delete from webhook_troubles where tenant_id = $1 and endpoint_key = $2', [tenantId, key]);
}
