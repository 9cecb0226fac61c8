import type { Queryable } from '../store/index.ts';
import type { SealedSecrets } from '../tenants/index.ts';

export interface LinkKeyRow {
  tenant_id: string;
  version: number;
  secrets: SealedSecrets;
  /** The data key that sealed it. */
  wrapped: Buffer | null;
  kek_id: string | null;
}

/** Of several tenants; those that never gave out a link are missing. */
export async function selectLinkKeys(db: Queryable, tenantIds: string[]): Promise<LinkKeyRow[]> {
  const { rows } = await db.query<LinkKeyRow>({
    name: 'select link keys',
    text: `select l.tenant_id, l.version, l.secrets, k.wrapped, k.kek_id from link_keys l
      left join data_keys k on k.tenant_id = l.tenant_id and k.version = (l.secrets->>'dataKey')::integer
      where l.tenant_id = any($1::uuid[])`,
    values: [tenantIds],
  });
  return rows;
}

export interface NewLinkKey {
  tenantId: string;
  version: number;
  secrets: SealedSecrets;
  now: Date;
}

/** Takes the place of the version before it; does nothing when another process was faster. */
export async function saveLinkKey(db: Queryable, key: NewLinkKey): Promise<void> {
  await db.query(
    `insert into link_keys (tenant_id, secrets, version, created_at) values ($1, $2, $3, $4)
     on conflict (tenant_id) do update set
       secrets = excluded.secrets, version = excluded.version, created_at = excluded.created_at
     where link_keys.version = excluded.version - 1`,
    [key.tenantId, JSON.stringify(key.secrets), key.version, key.now],
  );
}
