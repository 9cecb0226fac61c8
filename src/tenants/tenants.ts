import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Store } from '../store/index.ts';
import { findTenant, insertTenant } from './tenant-store.ts';

export const DEFAULT_TENANT = 'default';

/** The id of the tenant `default`, which is created if it is missing. Two processes may ask at once. */
export async function ensureDefaultTenant(store: Store, clock: Clock = store.clock): Promise<string> {
  const existing = await findTenant(store.engine, DEFAULT_TENANT);
  if (existing) return existing;
  const now = clock.now();
  await insertTenant(store.engine, {
    id: uuidv7(now),
    slug: DEFAULT_TENANT,
    name: 'Default',
    createdAt: new Date(now),
  });
  return (await findTenant(store.engine, DEFAULT_TENANT))!;
}
