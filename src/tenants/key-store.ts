import type { Scope } from '../http/index.ts';
import { LAST_ID, type Queryable } from '../store/index.ts';

export interface KeyRow {
  id: string;
  tenant_id: string;
  name: string;
  live: boolean;
  hint: string;
  scopes: Scope[];
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  revoked_at: Date | null;
}

const COLUMNS = 'id, tenant_id, name, live, hint, scopes, created_at, expires_at, last_used_at, revoked_at';

export interface NewKey {
  id: string;
  tenantId: string;
  name: string;
  live: boolean;
  /** Base64 here, bytes in the table. */
  hash: string;
  hint: string;
  scopes: readonly Scope[];
  createdAt: Date;
  expiresAt: Date | null;
}

export async function insertKey(db: Queryable, key: NewKey): Promise<KeyRow> {
  const { rows } = await db.query<KeyRow>(
    `insert into api_keys (id, tenant_id, name, live, hash, hint, scopes, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    returning ${COLUMNS}`,
    [
      key.id,
      key.tenantId,
      key.name,
      key.live,
      Buffer.from(key.hash, 'base64'),
      key.hint,
      key.scopes,
      key.createdAt,
      key.expiresAt,
    ],
  );
  return rows[0]!;
}

/** Newest first; `before` is the last id of the page before. */
export async function selectKeys(
  db: Queryable,
  page: { tenantId: string; before: string | null; limit: number },
): Promise<KeyRow[]> {
  const { rows } = await db.query<KeyRow>(
    `select ${COLUMNS} from api_keys
    where tenant_id = $1 and id < $2
    order by id desc limit $3`,
    [page.tenantId, page.before ?? LAST_ID, page.limit],
  );
  return rows;
}

export async function lockKey(db: Queryable, tenantId: string, id: string): Promise<KeyRow | null> {
  const { rows } = await db.query<KeyRow>(
    `select ${COLUMNS} from api_keys where tenant_id = $1 and id = $2 for update`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/** Brings the end of a key forward, never back. */
export async function shortenKey(
  db: Queryable,
  key: { tenantId: string; id: string; expiresAt: Date },
): Promise<void> {
  await db.query('update api_keys set expires_at = least(expires_at, $3) where tenant_id = $1 and id = $2', [
    key.tenantId,
    key.id,
    key.expiresAt,
  ]);
}

/** A key that is revoked already keeps its first time. */
export async function markKeyRevoked(
  db: Queryable,
  key: { tenantId: string; id: string; now: Date },
): Promise<void> {
  await db.query(
    'update api_keys set revoked_at = coalesce(revoked_at, $3) where tenant_id = $1 and id = $2',
    [key.tenantId, key.id, key.now],
  );
}

/** The one statement without a tenant in its condition: it is what finds out the tenant. */
export async function findUsableKeys(
  db: Queryable,
  hashes: string[],
  now: Date,
): Promise<(KeyRow & { hash: string })[]> {
  const { rows } = await db.query<KeyRow & { hash: string }>({
    name: 'find usable keys',
    text: `select ${COLUMNS}, encode(hash, 'base64') as hash from api_keys
      where hash = any($1::bytea[]) and revoked_at is null and (expires_at is null or expires_at > $2)`,
    values: [hashes.map((hash) => Buffer.from(hash, 'base64')), now],
  });
  return rows;
}

export async function updateLastUsed(
  db: Queryable,
  uses: { tenantId: string; keyId: string; usedAt: Date }[],
): Promise<void> {
  await db.query(
    `update api_keys k set last_used_at = greatest(k.last_used_at, u.used_at)
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as u (tenant_id, id, used_at)
    where k.tenant_id = u.tenant_id and k.id = u.id`,
    [uses.map((use) => use.tenantId), uses.map((use) => use.keyId), uses.map((use) => use.usedAt)],
  );
}
