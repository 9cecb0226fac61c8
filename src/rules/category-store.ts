import type { Queryable } from '../store/index.ts';
import type { CategoryDefinition } from './category.ts';

export interface CategoryRow {
  tenant_id: string;
  id: string;
  definition: CategoryDefinition;
}

/** What several tenants declared. */
export async function selectCategories(db: Queryable, tenantIds: string[]): Promise<CategoryRow[]> {
  const { rows } = await db.query<CategoryRow>({
    name: 'select categories',
    text: 'select tenant_id, id, definition from categories where tenant_id = any($1::uuid[])',
    values: [tenantIds],
  });
  return rows;
}

/** Stores a declaration in place of the one before; true when there was none. */
export async function saveCategory(
  db: Queryable,
  category: { tenantId: string; id: string; definition: CategoryDefinition; now: Date },
): Promise<boolean> {
  // xmax is 0 in a row that was inserted, not updated.
  const { rows } = await db.query<{ created: boolean }>(
    `insert into categories (tenant_id, id, definition, created_at, updated_at) values ($1, $2, $3, $4, $4)
     on conflict (tenant_id, id) do update set definition = excluded.definition, updated_at = excluded.updated_at
     returning xmax = 0 as created`,
    [category.tenantId, category.id, JSON.stringify(category.definition), category.now],
  );
  return rows[0]!.created;
}

/** From then on it is as it is built in, or as `transactional`. False when nothing was declared. */
export async function deleteCategory(db: Queryable, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await db.query('delete from categories where tenant_id = $1 and id = $2', [
    tenantId,
    id,
  ]);
  return rowCount === 1;
}
