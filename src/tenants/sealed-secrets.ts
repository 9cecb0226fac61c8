import { seal, unseal } from '../lib/envelope.ts';
import type { DataKey } from './data-keys.ts';

/** The secrets of a connection or a hook as they are stored: each one sealed on its own (base64). */
export interface SealedSecrets {
  /** The version of the data key; null when there is nothing to seal. */
  dataKey: number | null;
  fields: Record<string, string>;
}

/** Where a secret belongs. Moved to another place it does not open, nor does an older one put back. */
export interface Place {
  tenantId: string;
  /** Whose secret: the id of a connection, or `hook/` and the id of a hook (no id has a slash). */
  thing: string;
  /** Of the thing. */
  version: number;
}

export function sealSecrets(dataKey: DataKey, place: Place, secrets: Record<string, string>): SealedSecrets {
  const fields = Object.entries(secrets).map(([field, value]) => [
    field,
    seal(dataKey.key, value, contextOf(place, field)).toString('base64'),
  ]);
  return { dataKey: dataKey.version, fields: Object.fromEntries(fields) };
}

/** Null when any of them does not open. */
export function unsealSecrets(
  dataKey: DataKey,
  place: Place,
  { fields }: SealedSecrets,
): Record<string, string> | null {
  const secrets: Record<string, string> = {};
  for (const [field, sealed] of Object.entries(fields)) {
    const value = unseal(dataKey.key, Buffer.from(sealed, 'base64'), contextOf(place, field));
    if (!value) return null;
    secrets[field] = value.toString('utf8');
  }
  return secrets;
}

function contextOf({ tenantId, thing, version }: Place, field: string) {
  return ['bellhop secret', tenantId, thing, field, version];
}
