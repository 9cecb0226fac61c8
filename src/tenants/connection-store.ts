import type { Channel } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';
import type { Countries } from './countries.ts';
import type { SealedSecrets } from './sealed-secrets.ts';
import type { HeldTemplates } from './vendor-template.ts';

export interface ConnectionRow {
  tenant_id: string;
  id: string;
  provider: string;
  channel: Channel;
  name: string;
  enabled: boolean;
  priority: number;
  weight: number;
  app: string | null;
  countries: Countries | null;
  /** What is no secret, `baseUrl` included. */
  config: Record<string, unknown>;
  limits: ConnectionLimits;
  secrets: SealedSecrets;
  version: number;
  created_at: Date;
  updated_at: Date;
  /** The data key of its secrets, wrapped by the master key `kek_id`; null without secrets. */
  wrapped: Buffer | null;
  kek_id: string | null;
  /** Texts that its vendor does not deliver now. */
  held_templates: HeldTemplates;
  /** Of its tenant: `{ rates?: { <channel>: starts a second } }`, set by the operator. */
  tenant_limits: Record<string, unknown>;
}

/** What the vendor allows this account, where that is other than the provider declares. */
export interface ConnectionLimits {
  /** Starts a second, over all processes. */
  ratePerSecond?: number;
  /** Attempts under way at once in a process. */
  maxInFlight?: number;
}

const HELD_TEMPLATES = `coalesce((
    select json_agg(json_build_object('id', v.id, 'language', v.language, 'state', v.state) order by v.id, v.language)
      from vendor_templates v
     where v.tenant_id = c.tenant_id and v.connection = c.id and v.state <> 'approved'
  ), '[]') as held_templates`;
const COLUMNS = `c.tenant_id, c.id, c.provider, c.channel, c.name, c.enabled, c.priority, c.weight, c.app, c.countries, c.config,
  c.limits, c.secrets, c.version, c.created_at, c.updated_at, k.wrapped, k.kek_id, t.limits as tenant_limits,
  ${HELD_TEMPLATES}`;
const WITH_DATA_KEY = `from connections c join tenants t on t.id = c.tenant_id
  left join data_keys k on k.tenant_id = c.tenant_id and k.version = (c.secrets->>'dataKey')::integer`;

/** All connections of several tenants, in the order in which they are tried. */
export async function selectConnections(db: Queryable, tenantIds: string[]): Promise<ConnectionRow[]> {
  const { rows } = await db.query<ConnectionRow>({
    name: 'select connections',
    text: `select ${COLUMNS} ${WITH_DATA_KEY}
      where c.tenant_id = any($1::uuid[]) order by c.tenant_id, c.priority, c.id`,
    values: [tenantIds],
  });
  return rows;
}

export type ConnectionVersion = Pick<
  ConnectionRow,
  'tenant_id' | 'id' | 'version' | 'updated_at' | 'tenant_limits' | 'held_templates'
>;

/** What tells whether anything about the connections of these tenants has changed. */
export async function selectVersions(db: Queryable, tenantIds: string[]): Promise<ConnectionVersion[]> {
  const { rows } = await db.query({
    name: 'select versions of connections',
    text: `select c.tenant_id, c.id, c.version, c.updated_at, t.limits as tenant_limits, ${HELD_TEMPLATES}
      from connections c join tenants t on t.id = c.tenant_id
      where c.tenant_id = any($1::uuid[]) order by c.tenant_id, c.priority, c.id`,
    values: [tenantIds],
  });
  return rows;
}

/** By id; `after` is the last id of the page before. */
export async function selectConnectionPage(
  db: Queryable,
  page: { tenantId: string; after: string | null; limit: number },
): Promise<ConnectionRow[]> {
  const { rows } = await db.query<ConnectionRow>(
    `select ${COLUMNS} ${WITH_DATA_KEY}
    where c.tenant_id = $1 and c.id > $2 order by c.id limit $3`,
    [page.tenantId, page.after ?? '', page.limit],
  );
  return rows;
}

export async function findConnection(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<ConnectionRow | null> {
  const { rows } = await db.query<ConnectionRow>(
    `select ${COLUMNS} ${WITH_DATA_KEY} where c.tenant_id = $1 and c.id = $2`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/** Until the commit, changes of one connection go one after the other, also while it does not exist yet. */
export async function lockConnectionId(db: Queryable, tenantId: string, id: string): Promise<void> {
  await db.query("select pg_advisory_xact_lock(hashtextextended('connection ' || $1 || ' ' || $2, 0))", [
    tenantId,
    id,
  ]);
}

export type SavedConnection = Omit<ConnectionRow, 'wrapped' | 'kek_id' | 'tenant_limits' | 'held_templates'>;

export async function saveConnection(db: Queryable, row: SavedConnection): Promise<void> {
  await db.query(
    `insert into connections (tenant_id, id, provider, channel, name, enabled, priority, weight, app, config, limits,
      secrets, version, created_at, updated_at, countries)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    on conflict (tenant_id, id) do update set
      provider = excluded.provider, channel = excluded.channel, name = excluded.name, enabled = excluded.enabled,
      priority = excluded.priority, weight = excluded.weight, app = excluded.app, config = excluded.config,
      limits = excluded.limits, secrets = excluded.secrets, version = excluded.version, updated_at = excluded.updated_at,
      countries = excluded.countries`,
    [
      row.tenant_id,
      row.id,
      row.provider,
      row.channel,
      row.name,
      row.enabled,
      row.priority,
      row.weight,
      row.app,
      row.config,
      row.limits,
      row.secrets,
      row.version,
      row.created_at,
      row.updated_at,
      row.countries,
    ],
  );
}

/** False when there is none. */
export async function deleteConnection(db: Queryable, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await db.query('delete from connections where tenant_id = $1 and id = $2', [
    tenantId,
    id,
  ]);
  return rowCount === 1;
}
