import { Lru } from '../lib/lru.ts';
import type { Queryable } from '../store/index.ts';
import { selectDataKeys } from './data-key-store.ts';
import { type DataKey, ensureDataKey, unwrapDataKey } from './data-keys.ts';
import type { MasterKeys } from './master-key.ts';
import { type Place, type SealedSecrets, unsealSecrets } from './sealed-secrets.ts';

const REMEMBERED = 1_000;

/** What somebody sealed, as it was found in the database. */
export interface Sealed {
  place: Place;
  /** Looked at with care: nothing of ours may have written it. */
  sealed: unknown;
}

/** Values of a tenant that are stored sealed with its data key. Keys are read once in a process. */
export interface Seals {
  /** The tenant's data key for what is new; made when there is none. */
  newest(db: Queryable, tenantId: string, now: number): Promise<DataKey>;
  /** A certain one (`version`); null when it is gone or does not open. */
  find(db: Queryable, key: { tenantId: string; version: number }): Promise<DataKey | null>;
  /** Opens all in at most one statement, each in its turn; null for what does not open where it is. */
  open(db: Queryable, wanted: readonly Sealed[]): Promise<(Record<string, string> | null)[]>;
}

export function createSeals({ masterKeys }: { masterKeys: MasterKeys }): Seals {
  const known = new Lru<DataKey>(REMEMBERED);
  const nameOf = (tenantId: string, version: number) => `${tenantId}/${version}`;
  const load = async (db: Queryable, wanted: { tenantId: string; version: number }[]): Promise<void> => {
    const missing = wanted.filter(({ tenantId, version }) => !known.get(nameOf(tenantId, version)));
    if (missing.length === 0) return;
    for (const row of await selectDataKeys(db, missing)) {
      const key = unwrapDataKey(row, masterKeys);
      if (key) known.set(nameOf(row.tenant_id, row.version), key);
    }
  };
  return {
    async newest(db, tenantId, now) {
      // Read each time: one that was made in a transaction which is undone must not be remembered.
      const row = await ensureDataKey(db, { tenantId, masterKey: masterKeys.current, now });
      const key = unwrapDataKey(row, masterKeys);
      if (!key)
        throw new Error(`the data key of the tenant is wrapped by the unknown master key ${row.kek_id}`);
      return key;
    },
    async find(db, key) {
      await load(db, [key]);
      return known.get(nameOf(key.tenantId, key.version)) ?? null;
    },
    async open(db, wanted) {
      const parsed = wanted.map(({ place, sealed }) => (isSealed(sealed) ? { place, sealed } : null));
      await load(
        db,
        parsed.flatMap((each) =>
          each ? [{ tenantId: each.place.tenantId, version: each.sealed.dataKey }] : [],
        ),
      );
      return parsed.map((each) => {
        const key = each && known.get(nameOf(each.place.tenantId, each.sealed.dataKey));
        return key ? unsealSecrets(key, each.place, each.sealed) : null;
      });
    },
  };
}

function isSealed(value: unknown): value is SealedSecrets & { dataKey: number } {
  if (typeof value !== 'object' || value === null) return false;
  const { dataKey, fields } = value as Record<string, unknown>;
  return (
    Number.isInteger(dataKey) &&
    Math.abs(dataKey as number) < 2 ** 31 &&
    typeof fields === 'object' &&
    fields !== null &&
    Object.values(fields).every((field) => typeof field === 'string')
  );
}
