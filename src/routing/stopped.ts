import { loadReached, lockLadders, meets } from '../ledger/index.ts';
import type { Queryable } from '../store/index.ts';
import { ladderOf } from './ladder.ts';
import type { RoutableRow } from './store.ts';

/**
 * Which of the batch have a ladder whose goal is met; their ladders stay locked until the transaction ends. Two statements
 * for the whole batch, since the second must see what was written before the lock was given; none without ladders.
 */
export async function loadStopped(db: Queryable, rows: readonly RoutableRow[]): Promise<ReadonlySet<string>> {
  const laddered = rows.filter(({ request }) => ladderOf(request));
  if (laddered.length === 0) return new Set();
  await lockLadders(
    db,
    laddered.map(({ id }) => id),
  );
  const goals = new Map(laddered.map(({ id, request }) => [id, request.ladder!.until]));
  const all = await loadReached(db, laddered);
  return new Set(all.flatMap(({ id, reached }) => (meets(reached, goals.get(id)!) ? [id] : [])));
}
