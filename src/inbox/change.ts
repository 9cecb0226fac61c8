import { type Credential, Problem } from '../http/index.ts';
import { lockLadders, markLooked, stopLadders } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Queryable, Store } from '../store/index.ts';
import { requireUserId } from '../users/index.ts';
import { type ChangeEvent, logInboxChanges } from './change-store.ts';
import type { Marked } from './mark-store.ts';
import type { InboxKey } from './store.ts';
import { inboxTopic } from './topic.ts';

export interface InboxRoutesDeps {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  /** Told that routing has something to do, and that an inbox changed. */
  wake?: Pick<Wake, 'signal'>;
}

/** Who asks for whose inbox; a token of a user stands for the user. */
export interface Caller {
  credential: Credential;
  params: { userId?: string };
}

/** What a request did to an inbox. */
export interface Done<T> {
  answer: T;
  items: Marked[];
  event: ChangeEvent;
  /** The user read the items, or followed them. */
  looked?: 'opened' | 'clicked';
}

/** More changes than this at once are told as one: read the inbox anew. */
const TOLD_ONE_BY_ONE = 100;

export async function inboxOf(db: Queryable, { credential, params }: Caller): Promise<InboxKey> {
  const { tenantId, live, user } = credential;
  const externalId = params.userId ?? user!.externalId;
  return { tenantId, live, userId: await requireUserId(db, { tenantId, externalId }) };
}

export function noSuchItem(itemId: string): Problem {
  return new Problem('inbox.item_not_found', `The inbox has no item "${itemId}"`);
}

/**
 * Changes an inbox, and in the same transaction what follows: its deliveries learn that they were opened or clicked, that
 * may stop ladders, and streams have it to tell.
 */
export async function changeInbox<T>(
  { store, clock, wake }: InboxRoutesDeps,
  caller: Caller,
  change: (db: Queryable, inbox: InboxKey, now: Date) => Promise<Done<T>>,
): Promise<T> {
  const { tenantId } = caller.credential;
  const { answer, topics } = await store.scoped(tenantId, async (db) => {
    const now = new Date(clock.now());
    const inbox = await inboxOf(db, caller);
    const done = await change(db, inbox, now);
    const { answer, items, event, looked } = done;
    if (items.length === 0) return { answer, topics: [] };
    const priorities = await tellLedger(db, { tenantId, items, looked, now });
    await logInboxChanges(db, changesOf(inbox, items, event), now);
    return { answer, topics: [inboxTopic(inbox.userId), ...priorities.map(routeTopic)] };
  });
  for (const topic of topics) wake?.signal(topic);
  return answer;
}

/** What was looked at here may stop ladders. Returns the priorities of turns. */
async function tellLedger(
  db: Queryable,
  what: { tenantId: string; items: Marked[]; looked?: 'opened' | 'clicked'; now: Date },
): Promise<number[]> {
  const { tenantId, items, looked, now } = what;
  const ladders = items.flatMap(({ ladder }) => ladder ?? []);
  if (ladders.length > 0) await lockLadders(db, ladders);
  if (looked) {
    const ids = items.map(({ id }) => id);
    await markLooked(db, { tenantId, ids, clicked: looked === 'clicked', now });
  }
  if (ladders.length === 0) return [];
  return (await stopLadders(db, { tenantId, ids: ladders, now })).priorities;
}

function changesOf(inbox: InboxKey, items: Marked[], event: ChangeEvent) {
  if (items.length > TOLD_ONE_BY_ONE) return [{ ...inbox, event: 'sync.required' as const, itemId: null }];
  return items.map(({ id }) => ({ ...inbox, event, itemId: id }));
}
