import { column, jsonColumn, type Queryable } from '../store/index.ts';

/** A validated notification on its way into the ledger. */
export interface AcceptedRow {
  id: string;
  tenantId: string;
  live: boolean;
  userId: string;
  category: string;
  priority: number;
  /** JSON text. */
  request: string;
  dueAt: Date;
  sendAt: Date | null;
  expiresAt: Date | null;
  createdAt: Date;
  key: { hash: Buffer; fingerprint: Buffer; expiresAt: Date } | null;
}

/**
 * Stores a group of notifications and their idempotency keys in one statement, so in one commit. Returns the ids
 * that are stored now; a row whose key is taken (and not expired) is left out. Keys in a group must differ and
 * be sorted, so that two groups lock them in the same order.
 */
export async function insertAccepted(db: Queryable, rows: AcceptedRow[], now: Date): Promise<Set<string>> {
  const result = await db.query({
    name: 'accept_insert',
    text: INSERT,
    values: [
      column(rows, (row) => row.id),
      column(rows, (row) => row.tenantId),
      column(rows, (row) => row.live),
      column(rows, (row) => row.userId),
      column(rows, (row) => row.category),
      column(rows, (row) => row.priority),
      jsonColumn(rows, (row) => row.request),
      column(rows, (row) => row.dueAt),
      column(rows, (row) => row.sendAt),
      column(rows, (row) => row.expiresAt),
      column(rows, (row) => row.createdAt),
      column(rows, (row) => row.key?.hash ?? null),
      column(rows, (row) => row.key?.fingerprint ?? null),
      column(rows, (row) => row.key?.expiresAt ?? null),
      now,
    ],
  });
  return new Set(result.rows.map((row) => row.id));
}

const INSERT = `
with input as (
  select * from unnest($1::uuid[], $2::uuid[], $3::bool[], $4::text[], $5::text[], $6::smallint[], string_to_array($7, chr(30)),
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::bytea[], $13::bytea[], $14::timestamptz[])
    as t (id, tenant_id, live, user_id, category, priority, request, due_at, send_at, expires_at, created_at,
      key_hash, fingerprint, key_expires_at)
), keys as (
  insert into idempotency_keys as k (tenant_id, live, key_hash, fingerprint, notification_id, expires_at)
  select tenant_id, live, key_hash, fingerprint, id, key_expires_at from input where key_hash is not null
  on conflict (tenant_id, live, key_hash) do update
    set fingerprint = excluded.fingerprint, notification_id = excluded.notification_id, expires_at = excluded.expires_at
    where k.expires_at <= $15
  returning notification_id
), stored as (
  insert into notifications
    (id, tenant_id, live, user_id, category, priority, state, request, due_at, send_at, expires_at, created_at)
  select id, tenant_id, live, user_id, category, priority, 'accepted', request::jsonb, due_at, send_at, expires_at, created_at
  from input where key_hash is null or id in (select notification_id from keys)
  returning tenant_id, priority, due_at, id
)
insert into unrouted (tenant_id, priority, due_at, id) select tenant_id, priority, due_at, id from stored
returning id`;

/** Who holds these idempotency keys: the first notification's id and the fingerprint of its request. */
export async function loadKeyHolders(
  db: Queryable,
  keys: { tenantId: string; live: boolean; hash: Buffer }[],
): Promise<Map<string, { notificationId: string; fingerprint: Buffer }>> {
  const { rows } = await db.query(
    `select k.tenant_id, k.live, k.key_hash, k.notification_id, k.fingerprint
       from unnest($1::uuid[], $2::bool[], $3::bytea[]) as wanted (tenant_id, live, key_hash)
       join idempotency_keys k using (tenant_id, live, key_hash)`,
    [keys.map((key) => key.tenantId), keys.map((key) => key.live), keys.map((key) => key.hash)],
  );
  return new Map(
    rows.map((row) => [
      keyName(row.tenant_id, row.live, row.key_hash),
      { notificationId: row.notification_id, fingerprint: row.fingerprint },
    ]),
  );
}

export function keyName(tenantId: string, live: boolean, hash: Buffer): string {
  return `${tenantId}/${live}/${hash.toString('base64')}`;
}

/** Which of these notifications are stored: asked after a COMMIT whose answer got lost. */
export async function loadStoredIds(db: Queryable, ids: string[]): Promise<Set<string>> {
  const { rows } = await db.query('select id from notifications where id = any($1::uuid[])', [ids]);
  return new Set(rows.map((row) => row.id));
}

/** Forgets idempotency keys that expired before `now`, at most `limit` of them. Returns how many. */
export async function purgeExpiredKeys(db: Queryable, now: Date, limit: number): Promise<number> {
  const result = await db.query(
    `delete from idempotency_keys where (tenant_id, live, key_hash) in (
       select tenant_id, live, key_hash from idempotency_keys where expires_at <= $1 order by expires_at limit $2)`,
    [now, limit],
  );
  return result.rowCount ?? 0;
}

/** Changes a notification whose turn the caller took, and gives it a new one. */
export async function updateAccepted(
  db: Queryable,
  change: {
    id: string;
    tenantId: string;
    request: string;
    priority: number;
    sendAt: Date | null;
    expiresAt: Date | null;
    now: Date;
  },
): Promise<void> {
  await db.query(
    `with changed as (
       update notifications set request = $3::jsonb, priority = $4, send_at = $5, expires_at = $6,
           due_at = greatest($5::timestamptz, $7)
         where id = $1 and tenant_id = $2 and state = 'accepted' returning tenant_id, priority, due_at, id
     )
     insert into unrouted (tenant_id, priority, due_at, id) select tenant_id, priority, due_at, id from changed`,
    [
      change.id,
      change.tenantId,
      change.request,
      change.priority,
      change.sendAt,
      change.expiresAt,
      change.now,
    ],
  );
}
