import { uuidv7 } from '../lib/ids.ts';
import type { NotificationRequest } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import type { Planned, Routed, Router } from './router.ts';
import { insertRouted, type RoutableRow } from './store.ts';

/** Users who are told the same thing: as many of an audience as fit into one transaction (500 is a good number). */
export interface Page {
  tenantId: string;
  live: boolean;
  /** What they are told; stored before, once, by `insertSharedRequest`. */
  sharedRequestId: string;
  request: NotificationRequest;
  category: string;
  /** 0 high, 1 normal, 2 low. */
  priority: number;
  expiresAt: Date | null;
  /** The callers' ids of the users. */
  userIds: string[];
}

/**
 * The road of a campaign: a page of users is accepted and routed in one step, by the same decision as single
 * notifications. It runs in the caller's transaction, so that the caller's place in the audience moves with it; once
 * that is committed, `router.tell` counts and traces what it returned.
 */
export async function routePage(
  db: Queryable,
  router: Router,
  page: Page,
  now: number,
): Promise<Routed & Planned> {
  const { userIds, sharedRequestId, ...shared } = page;
  const rows = userIds.map(
    (userId): RoutableRow => ({
      id: uuidv7(now),
      ...shared,
      userId,
      createdAt: new Date(now),
      dueAt: new Date(now),
    }),
  );
  if (rows.length > 0) await insertRouted(db, rows, sharedRequestId);
  return { count: rows.length, ...(await router.plan(db, rows, now)) };
}
