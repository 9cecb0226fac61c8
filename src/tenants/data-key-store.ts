import type { Queryable } from '../store/index.ts';

export interface DataKeyRow {
  tenant_id: string;
  version: number;
  wrapped: Buffer;
  kek_id: string;
}

/** The data key of a tenant that seals what is new. */
export async function findNewestDataKey(db: Queryable, tenantId: string): Promise<DataKeyRow | null> {
  const { rows } = await db.query<DataKeyRow>(
    `select tenant_id, version, wrapped, kek_id from data_keys where tenant_id = $1
    order by version desc limit 1`,
    [tenantId],
  );
  return rows[0] ?? null;
}

/** Certain data keys; those that are gone are missing. */
export async function selectDataKeys(
  db: Queryable,
  wanted: readonly { tenantId: string; version: number }[],
): Promise<DataKeyRow[]> {
  const { rows } = await db.query<DataKeyRow>({
    name: 'tenants_data_keys',
    text: `select k.tenant_id, k.version, k.wrapped, k.kek_id
      from unnest($1::uuid[], $2::integer[]) as wanted (tenant_id, version)
      join data_keys k on k.tenant_id = wanted.tenant_id and k.version = wanted.version`,
    values: [wanted.map((key) => key.tenantId), wanted.map((key) => key.version)],
  });
  return rows;
}

/** Does nothing when the tenant has this version already. */
export async function insertDataKey(db: Queryable, row: DataKeyRow & { created_at: Date }): Promise<void> {
  await db.query(
    `insert into data_keys (tenant_id, version, wrapped, kek_id, created_at) values ($1, $2, $3, $4, $5)
    on conflict (tenant_id, version) do nothing`,
    [row.tenant_id, row.version, row.wrapped, row.kek_id, row.created_at],
  );
}

/** The ids of all master keys that data keys are wrapped with. */
export async function selectMasterKeyIds(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ kek_id: string }>(
    'select distinct kek_id from data_keys order by kek_id',
  );
  return rows.map((row) => row.kek_id);
}

/** Data keys that another master key wraps, locked in the order of their ids. */
export async function lockForeignDataKeys(
  db: Queryable,
  kekId: string,
  limit: number,
): Promise<DataKeyRow[]> {
  const { rows } = await db.query<DataKeyRow>(
    `select tenant_id, version, wrapped, kek_id from data_keys where kek_id <> $1
    order by tenant_id, version limit $2 for update`,
    [kekId, limit],
  );
  return rows;
}

export async function updateWrappedKeys(db: Queryable, rows: DataKeyRow[]): Promise<void> {
  await db.query(
    `update data_keys k set wrapped = new.wrapped, kek_id = new.kek_id
    from unnest($1::uuid[], $2::integer[], $3::bytea[], $4::text[]) as new (tenant_id, version, wrapped, kek_id)
    where k.tenant_id = new.tenant_id and k.version = new.version`,
    [
      rows.map((row) => row.tenant_id),
      rows.map((row) => row.version),
      rows.map((row) => row.wrapped),
      rows.map((row) => row.kek_id),
    ],
  );
}
