import type { Clock } from '../lib/clock.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { applyPosts } from './apply.ts';
import { countsFrom, receiptsFrom, type Visit } from './visit.ts';
import { addVisits, loadVisited } from './visit-store.ts';

export interface ApplyVisitsOptions {
  store: Pick<Store, 'engine' | 'transaction'>;
  clock: Clock;
  /** Told that routing has something to do. */
  wake?: Pick<Wake, 'signal'>;
}

/**
 * Writes down a batch of visits: those of people as receipts, by the same road as those of vendors, then all of them as
 * counts. A batch that failed half-way may come again: receipts count once, and the counts are its last statement.
 */
export async function applyVisits(
  { store, clock, wake }: ApplyVisitsOptions,
  visits: readonly Visit[],
): Promise<void> {
  const deliveries = await loadVisited(
    store.engine,
    visits.map(({ tracked }) => tracked),
  );
  const known = visits.filter(({ tracked }) => deliveries.has(tracked.deliveryId));
  const groups = Map.groupBy(receiptsFrom(known, deliveries), ({ deliveryId }) => {
    const { tenantId, connection } = deliveries.get(deliveryId!)!;
    return `${tenantId} ${connection}`;
  });
  const posts = [...groups.values()].map((receipts) => {
    const { tenantId, connection } = deliveries.get(receipts[0]!.deliveryId!)!;
    return { tenantId, connection, receipts };
  });
  const { priorities } = await store.transaction((db) => applyPosts(db, posts, clock.now()));
  for (const priority of new Set(priorities)) wake?.signal(routeTopic(priority));
  if (known.length > 0) await addVisits(store.engine, countsFrom(known));
}
