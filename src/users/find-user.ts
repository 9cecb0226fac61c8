import { Problem } from '../http/index.ts';
import type { Queryable } from '../store/index.ts';
import { findUserId, type UserKey } from './store.ts';

/** Our id of a user; a 404 when the tenant has none with this external id. */
export async function requireUserId(db: Queryable, key: UserKey): Promise<string> {
  const id = await findUserId(db, key);
  if (id === null) throw userNotFound(key.externalId);
  return id;
}

export function userNotFound(externalId: string): Problem {
  return new Problem(
    'user.not_found',
    `There is no user "${externalId}": create it first with PUT /v1/users/${encodeURIComponent(externalId)}`,
  );
}
