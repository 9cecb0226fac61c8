import type { Queryable } from '../store/index.ts';
import { ensureDataKey, unwrapDataKey } from './data-keys.ts';
import type { MasterKeys } from './master-key.ts';
import { type Place, type SealedSecrets, sealSecrets, unsealSecrets } from './sealed-secrets.ts';

/** Secrets as they come from a table, beside the data key that sealed them (null without secrets). */
export interface StoredSecrets {
  secrets: SealedSecrets;
  wrapped: Buffer | null;
  kek_id: string | null;
}

/** Seals secrets with the tenant's data key, which is made when there is none yet. */
export async function sealForTenant(
  db: Queryable,
  what: { place: Place; secrets: Record<string, string>; masterKeys: MasterKeys; now: number },
): Promise<SealedSecrets> {
  const { place, secrets, masterKeys, now } = what;
  if (Object.keys(secrets).length === 0) return { dataKey: null, fields: {} };
  const row = await ensureDataKey(db, { tenantId: place.tenantId, masterKey: masterKeys.current, now });
  const dataKey = unwrapDataKey(row, masterKeys);
  if (!dataKey)
    throw new Error(`the data key of the tenant is wrapped by the unknown master key ${row.kek_id}`);
  return sealSecrets(dataKey, place, secrets);
}

/** The plain texts, or null when they do not open. */
export function openForTenant(
  stored: StoredSecrets,
  place: Place,
  keys: MasterKeys,
): Record<string, string> | null {
  const { dataKey: version } = stored.secrets;
  if (version === null) return {};
  if (!stored.wrapped || !stored.kek_id) return null;
  const { wrapped, kek_id } = stored;
  const dataKey = unwrapDataKey({ tenant_id: place.tenantId, version, wrapped, kek_id }, keys);
  return dataKey && unsealSecrets(dataKey, place, stored.secrets);
}
