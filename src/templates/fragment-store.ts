import type { Queryable } from '../store/index.ts';

export interface FragmentRef {
  tenantId: string;
  id: string;
}

export interface FragmentRow {
  id: string;
  version: number;
  text: string;
  createdAt: Date;
  updatedAt: Date;
}

const COLUMNS = 'id, version, text, created_at as "createdAt", updated_at as "updatedAt"';

/** Makes a fragment or its next version, or wakes it from the archive; the same text makes no version. */
export async function saveFragment(
  db: Queryable,
  { tenantId, id, text, hash, now }: FragmentRef & { text: string; hash: string; now: Date },
): Promise<FragmentRow> {
  const { rows } = await db.query<FragmentRow>(
    `insert into fragments as f (tenant_id, id, version, text, hash, created_at, updated_at)
     values ($1, $2, 1, $3, $4, $5, $5)
     on conflict (tenant_id, id) do update set
       version = case when f.hash = $4 then f.version else f.version + 1 end,
       updated_at = case when f.hash = $4 and f.archived_at is null then f.updated_at else $5 end,
       text = $3, hash = $4, archived_at = null
     returning ${COLUMNS}`,
    [tenantId, id, text, hash, now],
  );
  return rows[0]!;
}

/** Those of the wanted fragments that exist. */
export async function selectFragments(
  db: Queryable,
  { tenantId, ids }: { tenantId: string; ids: string[] },
): Promise<FragmentRow[]> {
  const { rows } = await db.query<FragmentRow>(
    `select ${COLUMNS} from fragments where tenant_id = $1 and id = any ($2) and archived_at is null`,
    [tenantId, ids],
  );
  return rows;
}

export async function listFragments(
  db: Queryable,
  { tenantId, after, limit }: { tenantId: string; after: string | null; limit: number },
): Promise<FragmentRow[]> {
  const { rows } = await db.query<FragmentRow>(
    `select ${COLUMNS} from fragments
     where tenant_id = $1 and archived_at is null and id > $2
     order by id limit $3`,
    [tenantId, after ?? '', limit],
  );
  return rows;
}

/** Takes a fragment out of use; false when there is none. Templates keep the copies they hold. */
export async function archiveFragment(
  db: Queryable,
  { tenantId, id, now }: FragmentRef & { now: Date },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update fragments set archived_at = $3, updated_at = $3
     where tenant_id = $1 and id = $2 and archived_at is null`,
    [tenantId, id, now],
  );
  return rowCount === 1;
}
