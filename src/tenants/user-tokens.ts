import { randomBytes } from 'node:crypto';
import type { Credential } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { Secret } from '../lib/secret.ts';
import { type Queryable, type Store, TenantCache } from '../store/index.ts';
import type { MasterKeys } from './master-key.ts';
import { openForTenant, sealForTenant } from './tenant-secrets.ts';
import {
  isSubscriberHash,
  originOfUserToken,
  readUserToken,
  type UserClaims,
  writeUserToken,
} from './user-token.ts';
import {
  insertUserTokenKey,
  lockNewestUserTokenKey,
  retireUserTokenKeys,
  selectUserTokenKeys,
  type UserTokenKeyRow,
} from './user-token-key-store.ts';

/** Whose token it is to be, and what it may do for how long. */
export type TokenGrant = Omit<UserClaims, 'id' | 'expiresAt'> & { lifetimeMs: number };

export interface IssuedToken {
  token: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Short-lived tokens by which apps and browsers act for one user. */
export interface UserTokens {
  /** Makes the tenant's key if it has none; call it outside transactions. */
  issue(grant: TokenGrant): Promise<IssuedToken>;
  /** Who sends a token; null when it is not ours, was changed or is over. */
  authenticate(token: string): Promise<Credential | null>;
  /** Whether the customer's server made this hash of the user's id, with a secret that is good. */
  knowsSubscriber(who: { tenantId: string; externalId: string; hash: string }): Promise<boolean>;
  /** A new secret, shown this once; the one before stays good for `overlapMs`. In all processes within two seconds. */
  rotate(tenantId: string, overlapMs: number): Promise<{ version: number; secret: Secret }>;
}

export interface UserTokensOptions {
  store: Store;
  clock: Clock;
  masterKeys: MasterKeys;
}

interface Key {
  version: number;
  secret: string;
  /** Milliseconds since the epoch. */
  retiresAt: number;
}

const SECRET_BYTES = 32;

export function createUserTokens({ store, clock, masterKeys }: UserTokensOptions): UserTokens {
  const cache = new TenantCache<Key[]>(clock, async (db, tenantIds) => {
    const rows = await selectUserTokenKeys(db, tenantIds, new Date(clock.now()));
    return new Map(
      [...Map.groupBy(rows, (row) => row.tenant_id)].map(([tenantId, own]) => [
        tenantId,
        own.flatMap((row) => open(row, masterKeys)),
      ]),
    );
  });
  const keysOf = async (tenantId: string) =>
    ((await cache.forTenant(store.engine, tenantId)) ?? []).filter(
      ({ retiresAt }) => retiresAt > clock.now(),
    );
  const make = async (db: Queryable, tenantId: string, version: number) => {
    const now = clock.now();
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const place = { tenantId, thing: 'user-tokens', version };
    const secrets = await sealForTenant(db, { place, secrets: { secret }, masterKeys, now });
    const isNew = await insertUserTokenKey(db, { tenantId, version, secrets, now: new Date(now) });
    return isNew ? new Secret(secret) : null;
  };
  const newest = async (tenantId: string): Promise<Key> => {
    const [known] = await keysOf(tenantId);
    if (known) return known;
    // Once in a tenant's life.
    await make(store.engine, tenantId, 1);
    cache.forget(tenantId);
    const [made] = await keysOf(tenantId);
    if (!made) throw new Error(`the key of user tokens of tenant ${tenantId} does not open: rotate it`);
    return made;
  };
  return {
    async issue({ lifetimeMs, ...grant }) {
      const now = clock.now();
      const expiresAt = Math.floor((now + lifetimeMs) / 1_000) * 1_000;
      const claims = { ...grant, id: uuidv7(now), expiresAt };
      return { token: writeUserToken(claims, await newest(grant.tenantId), now), expiresAt };
    },
    async authenticate(token) {
      const origin = originOfUserToken(token);
      if (!origin) return null;
      const key = (await keysOf(origin.tenantId)).find(({ version }) => version === origin.version);
      const claims = key && readUserToken(token, key.secret, clock.now());
      return claims ? toCredential(claims) : null;
    },
    async knowsSubscriber({ tenantId, externalId, hash }) {
      const keys = await keysOf(tenantId);
      return keys.some(({ secret }) => isSubscriberHash(hash, secret, externalId));
    },
    async rotate(tenantId, overlapMs) {
      for (;;) {
        const rotated = await store.transaction(async (db) => {
          const version = ((await lockNewestUserTokenKey(db, tenantId)) ?? 0) + 1;
          const secret = await make(db, tenantId, version);
          // Another process made the tenant's first key meanwhile: this one comes after it.
          if (!secret) return null;
          const now = clock.now();
          const until = new Date(now + overlapMs);
          await retireUserTokenKeys(db, { tenantId, newest: version, until, now: new Date(now) });
          return { version, secret };
        });
        cache.forget(tenantId);
        if (rotated) return rotated;
      }
    },
  };
}

/** None for a key that does not open (a row that was tampered with): rotating makes a new one. */
function open(row: UserTokenKeyRow, masterKeys: MasterKeys): Key[] {
  const { tenant_id: tenantId, version, retires_at } = row;
  const secrets = openForTenant(row, { tenantId, thing: 'user-tokens', version }, masterKeys);
  if (!secrets?.secret) return [];
  const retiresAt = retires_at?.getTime() ?? Number.POSITIVE_INFINITY;
  return [{ version, secret: secrets.secret, retiresAt }];
}

function toCredential(claims: UserClaims): Credential {
  const { tenantId, live, externalId, scopes, expiresAt, streamsUntil = expiresAt, id } = claims;
  return { keyId: id, tenantId, live, scopes: [], user: { externalId, scopes, streamsUntil } };
}
