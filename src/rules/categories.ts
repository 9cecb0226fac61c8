import type { Clock } from '../lib/clock.ts';
import { type Queryable, TenantCache } from '../store/index.ts';
import { BUILT_IN_IDS, type Category, categoryFrom } from './category.ts';
import { type CategoryRow, selectCategories } from './category-store.ts';

/** The categories in force for one tenant. */
export interface TenantCategories {
  /** Never missing: what nobody declared behaves like `transactional`. */
  of(id: string): Category;
  /** Built in and declared, by id. */
  readonly all: readonly Category[];
}

export interface Categories {
  /** For every tenant asked for; at most two seconds old. Costs no query for what is fresh, else one for all. */
  forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, TenantCategories>>;
  forTenant(db: Queryable, tenantId: string): Promise<TenantCategories>;
  /** Call it after a change was committed: from now on this process reads the tenant's categories again. */
  forget(tenantId: string): void;
}

export function createCategories(clock: Clock): Categories {
  const cache = new TenantCache<TenantCategories>(clock, async (db, tenantIds) => {
    const rows = Map.groupBy(await selectCategories(db, tenantIds), (row) => row.tenant_id);
    return new Map([...rows].map(([tenantId, own]) => [tenantId, categoriesFrom(own)]));
  });
  return {
    async forTenants(db, tenantIds) {
      const own = await cache.forTenants(db, tenantIds);
      return new Map(tenantIds.map((tenantId) => [tenantId, own.get(tenantId) ?? BUILT_IN]));
    },
    forTenant: async (db, tenantId) => (await cache.forTenant(db, tenantId)) ?? BUILT_IN,
    forget: (tenantId) => cache.forget(tenantId),
  };
}

/** What a tenant's rows, on top of what is built in, come to. Pure. */
export function categoriesFrom(rows: Pick<CategoryRow, 'id' | 'definition'>[]): TenantCategories {
  const byId = new Map(BUILT_IN_IDS.map((id) => [id, categoryFrom(id)]));
  for (const { id, definition } of rows) byId.set(id, categoryFrom(id, definition));
  return {
    of: (id) => byId.get(id) ?? categoryFrom(id),
    all: [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** For tenants that declared nothing. */
export const BUILT_IN = categoriesFrom([]);
