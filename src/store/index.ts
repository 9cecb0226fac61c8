export { inTransaction, openStore, type Store, type StoreOptions } from './connect.ts';
export { FolderInUseError } from './folder-lock.ts';
export { keepClock } from './keep-clock.ts';
export { API_ROLE, ENGINE_ROLE, type Migration, migrate, pendingMigrations } from './migrate.ts';
export { ensurePartitions } from './partitions.ts';
export { samplePools } from './pool-metrics.ts';
export type { Queryable } from './queryable.ts';
export { type LoadForTenants, TenantCache } from './tenant-cache.ts';
export { column, jsonColumn } from './values.ts';
