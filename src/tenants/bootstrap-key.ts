import { timingSafeEqual } from 'node:crypto';
import type { Credential } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { hashKey, prefixOf } from './key-format.ts';
import { ensureDefaultTenant } from './tenants.ts';

const MIN_LENGTH = 32;
/** No stored key has this id. */
export const BOOTSTRAP_KEY_ID = '00000000-0000-0000-0000-000000000000';

export interface BootstrapKey {
  /** Compares hashes of keys in constant time. */
  matches(hash: string): boolean;
  /** At once, except for the first time: then the tenant is looked up. */
  credential(): Credential | Promise<Credential>;
}

/** A key from the settings with the owner's rights in the tenant `default`; `bh_test_…` is a test key, any other a live one. */
export function openBootstrapKey(key: string, store: Store, clock: Clock): BootstrapKey {
  if (key.length < MIN_LENGTH)
    throw new Error(`the bootstrap key must have ${MIN_LENGTH} characters or more`);
  const expected = Buffer.from(hashKey(key));
  const live = !key.startsWith(prefixOf(false));
  let credential: Credential | undefined;
  const load = async () => {
    const tenantId = await ensureDefaultTenant(store, clock);
    credential = { keyId: BOOTSTRAP_KEY_ID, tenantId, live, scopes: ['owner'] };
    return credential;
  };
  return {
    matches: (hash) => timingSafeEqual(Buffer.from(hash), expected),
    credential: () => credential ?? load(),
  };
}
