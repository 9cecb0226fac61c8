import type { Queryable } from '../store/index.ts';
import { logInboxChanges } from './change-store.ts';
import { insertInboxItems, type NewInboxItem, removeReplaced } from './store.ts';

/**
 * Stores items exactly once, and tells streams of them: run it in the transaction that writes their deliveries' results.
 * An unread item with the same collapse key makes room.
 */
export async function storeInboxItems(db: Queryable, items: NewInboxItem[]): Promise<void> {
  if (items.length === 0) return;
  const lasting = lastOfEachKey(items);
  const collapsing = lasting.filter(({ collapseKey }) => collapseKey);
  const replaced = collapsing.length > 0 ? await removeReplaced(db, collapsing) : [];
  const stored = await insertInboxItems(db, lasting);
  const byNew = Map.groupBy(replaced, ({ by }) => by);
  const changes = lasting
    .filter(({ id }) => stored.has(id))
    .map(({ tenantId, userId, live, id }) => {
      const replaces = byNew.get(id)?.map((old) => old.id);
      return { tenantId, userId, live, event: 'item.created' as const, itemId: id, replaces };
    });
  // All of a batch came at one time, as far as the log of changes goes.
  await logInboxChanges(db, changes, new Date(Math.max(...items.map(({ createdAt }) => createdAt))));
}

/** Of several that come at once with one key only the last is shown. */
function lastOfEachKey(items: NewInboxItem[]): NewInboxItem[] {
  const last = new Map<string, NewInboxItem>();
  for (const item of items) {
    const { userId, live, collapseKey, id } = item;
    last.set(collapseKey ? `${userId} ${live} ${collapseKey}` : id, item);
  }
  return [...last.values()];
}
