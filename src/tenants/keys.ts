import { type Credential, mayUse, Problem, type Scope } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Secret } from '../lib/secret.ts';
import type { Queryable, Store } from '../store/index.ts';
import { generateKey, hashKey, hintOf } from './key-format.ts';
import { insertKey, type KeyRow, lockKey, markKeyRevoked, selectKeys, shortenKey } from './key-store.ts';

/** What anybody may see of an API key. Times are RFC 3339. */
export interface ApiKey {
  id: string;
  name: string;
  live: boolean;
  hint: string;
  scopes: Scope[];
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  revokedAt: string | null;
}

/** A key at its birth: the only time that the key itself can be seen. */
export interface NewApiKey extends ApiKey {
  key: Secret;
}

export interface KeyRequest {
  tenantId: string;
  name: string;
  live: boolean;
  scopes: readonly Scope[];
  /** Milliseconds since the epoch; null for a key that does not expire. */
  expiresAt: number | null;
}

interface Options {
  store: Store;
  clock: Clock;
}

/** Refuses what the caller may not hand out himself: scopes he lacks, and, unless he is the owner, the other mode. */
export function checkGrant(caller: Credential, grant: { live: boolean; scopes: readonly Scope[] }): void {
  const lacking = grant.scopes.find((scope) => !mayUse(caller, scope));
  if (lacking) throw new Problem('auth.forbidden', `This key lacks the scope "${lacking}" itself`);
  if (grant.live !== caller.live && !mayUse(caller, 'owner')) {
    throw new Problem(
      'auth.forbidden',
      `A ${modeOf(caller)} key without the scope "owner" manages ${modeOf(caller)} keys only`,
    );
  }
}

export async function createKey({ store, clock }: Options, request: KeyRequest): Promise<NewApiKey> {
  return store.scoped(request.tenantId, (db) => addKey(db, request, clock.now()));
}

/** The part of `createKey` that runs in the caller's transaction. */
export async function addKey(db: Queryable, request: KeyRequest, now: number): Promise<NewApiKey> {
  const { tenantId, name, live, scopes, expiresAt } = request;
  const key = generateKey(live);
  const row = await insertKey(db, {
    id: uuidv7(now),
    tenantId,
    name,
    live,
    hash: hashKey(key.reveal()),
    hint: hintOf(key, live),
    scopes: [...new Set(scopes)],
    createdAt: new Date(now),
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  });
  return { ...toApiKey(row), key };
}

/** Newest first; `before` is the id of the last key of the page before. */
export async function listKeys(
  { store }: Pick<Options, 'store'>,
  page: { tenantId: string; before?: string | null; limit: number },
): Promise<ApiKey[]> {
  const rows = await store.scoped(page.tenantId, (db) => selectKeys(db, { before: null, ...page }));
  return rows.map(toApiKey);
}

export interface KeyChange {
  tenantId: string;
  id: string;
  /** Who asks; absent for the operator at the command line. */
  caller?: Credential;
}

/** A key like the one with this id, which itself ends after the overlap. A key that ends gets a successor of equal length. */
export async function rotateKey(
  { store, clock }: Options,
  change: KeyChange & { overlapMs: number },
): Promise<NewApiKey> {
  const { tenantId, id } = change;
  return store.scoped(tenantId, async (db) => {
    const now = clock.now();
    const old = await lockOwnKey(db, change);
    if (old.revoked_at || (old.expires_at && old.expires_at.getTime() <= now)) {
      throw new Problem('key.not_found', 'This key is revoked or expired: make a new one');
    }
    await shortenKey(db, { tenantId, id, expiresAt: new Date(now + change.overlapMs) });
    const lifetimeMs = old.expires_at && old.expires_at.getTime() - old.created_at.getTime();
    const { name, live, scopes } = old;
    return addKey(
      db,
      { tenantId, name, live, scopes, expiresAt: lifetimeMs === null ? null : now + lifetimeMs },
      now,
    );
  });
}

/** Ends a key at once. Revoking a revoked key changes nothing. */
export async function revokeKey({ store, clock }: Options, change: KeyChange): Promise<void> {
  const { tenantId, id } = change;
  await store.scoped(tenantId, async (db) => {
    await lockOwnKey(db, change);
    await markKeyRevoked(db, { tenantId, id, now: new Date(clock.now()) });
  });
}

async function lockOwnKey(db: Queryable, { tenantId, id, caller }: KeyChange): Promise<KeyRow> {
  const row = await lockKey(db, tenantId, id);
  if (!row) throw new Problem('key.not_found');
  if (caller) checkGrant(caller, row);
  return row;
}

function toApiKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    live: row.live,
    hint: row.hint,
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}

function modeOf({ live }: { live: boolean }): 'live' | 'test' {
  return live ? 'live' : 'test';
}
