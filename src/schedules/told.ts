import { hash } from 'node:crypto';
import { type AcceptedRow, insertAccepted } from '../accept/index.ts';
import type { Queryable } from '../store/index.ts';
import type { ScheduleDefinition } from './schedule.ts';

/** As many as accept puts into one commit. */
export const MAX_ROWS = 500;
/** A local time needs 26 hours around the world; a user gets it once, even if he changes his zone meanwhile. */
const ONCE_FOR_MS = 72 * 3_600_000;

/** What is said, without to whom. */
export function contentOf({ notification }: ScheduleDefinition, now: number) {
  const {
    userId: _user,
    userIds: _users,
    audience: _audience,
    expiresAfterSeconds,
    ...content
  } = notification;
  if (expiresAfterSeconds === undefined) return content;
  return { ...content, expiresAt: new Date(now + expiresAfterSeconds * 1_000).toISOString() };
}

/** Lets what `name` stands for be told once. In the store of idempotency keys, hashed twice so that no caller's own key is like it. */
export function onceKey(name: readonly string[], now: number): NonNullable<AcceptedRow['key']> {
  const first = hash('sha256', JSON.stringify(name), 'buffer');
  const key = hash('sha256', first, 'buffer').subarray(0, 16);
  return { hash: key, fingerprint: key, expiresAt: new Date(now + ONCE_FOR_MS) };
}

/** Returns the ids that are stored; others were there already. */
export async function insertRows(db: Queryable, rows: AcceptedRow[], now: number): Promise<Set<string>> {
  const stored = new Set<string>();
  const sorted = rows.toSorted((a, b) => (a.key && b.key ? Buffer.compare(a.key.hash, b.key.hash) : 0));
  for (let i = 0; i < sorted.length; i += MAX_ROWS) {
    for (const id of await insertAccepted(db, sorted.slice(i, i + MAX_ROWS), new Date(now))) stored.add(id);
  }
  return stored;
}
