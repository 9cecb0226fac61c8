import { randomBytes } from 'node:crypto';
import { KEY_BYTES, seal, unseal } from '../lib/envelope.ts';
import type { Queryable, Store } from '../store/index.ts';
import {
  type DataKeyRow,
  findNewestDataKey,
  insertDataKey,
  lockForeignDataKeys,
  updateWrappedKeys,
} from './data-key-store.ts';
import type { MasterKey, MasterKeys } from './master-key.ts';

const REWRAP_BATCH = 500;

/** A tenant's own key, which seals the secrets of its connections. */
export interface DataKey {
  version: number;
  key: Buffer;
}

/** Makes the tenant's data key unless it has one. Two processes may try at once: the first one's stays. */
export async function ensureDataKey(
  db: Queryable,
  { tenantId, masterKey, now }: { tenantId: string; masterKey: MasterKey; now: number },
): Promise<DataKeyRow> {
  const existing = await findNewestDataKey(db, tenantId);
  if (existing) return existing;
  const row = wrap(randomBytes(KEY_BYTES), { tenant_id: tenantId, version: 1 }, masterKey);
  await insertDataKey(db, { ...row, created_at: new Date(now) });
  return (await findNewestDataKey(db, tenantId))!;
}

/** Null when none of the master keys opens it, or when it was moved here from elsewhere. */
export function unwrapDataKey(row: DataKeyRow, keys: MasterKeys): DataKey | null {
  const masterKey = [keys.current, ...keys.previous].find((key) => key.id === row.kek_id);
  const key = masterKey && unseal(masterKey.key, row.wrapped, contextOf(row, masterKey));
  return key ? { version: row.version, key } : null;
}

/**
 * Wraps every data key that a previous master key wraps with the current one, and returns how many. Afterwards the
 * previous master keys can be forgotten. The secrets themselves stay as they are.
 */
export async function rewrapDataKeys(store: Store, keys: MasterKeys): Promise<number> {
  let count = 0;
  for (;;) {
    const rewrapped = await store.transaction(async (db) => {
      const rows = await lockForeignDataKeys(db, keys.current.id, REWRAP_BATCH);
      if (rows.length > 0) {
        await updateWrappedKeys(
          db,
          rows.map((row) => rewrap(row, keys)),
        );
      }
      return rows.length;
    });
    count += rewrapped;
    if (rewrapped < REWRAP_BATCH) return count;
  }
}

function rewrap(row: DataKeyRow, keys: MasterKeys): DataKeyRow {
  const dataKey = unwrapDataKey(row, keys);
  if (!dataKey) {
    throw new Error(
      `The data key ${row.version} of tenant ${row.tenant_id} does not open with the master key ${row.kek_id}`,
    );
  }
  return wrap(dataKey.key, row, keys.current);
}

function wrap(
  key: Buffer,
  place: Pick<DataKeyRow, 'tenant_id' | 'version'>,
  masterKey: MasterKey,
): DataKeyRow {
  const { tenant_id, version } = place;
  return {
    tenant_id,
    version,
    wrapped: seal(masterKey.key, key, contextOf(place, masterKey)),
    kek_id: masterKey.id,
  };
}

function contextOf(place: Pick<DataKeyRow, 'tenant_id' | 'version'>, masterKey: MasterKey) {
  return ['bellhop data key', place.tenant_id, place.version, masterKey.id];
}
