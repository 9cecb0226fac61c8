import { column, type Queryable } from '../store/index.ts';
import type { InboxKey } from './store.ts';

/** What happened to an inbox; `sync.required` when more changed than is told one by one. */
export const CHANGE_EVENTS = ['item.created', 'item.updated', 'item.deleted', 'sync.required'] as const;
export type ChangeEvent = (typeof CHANGE_EVENTS)[number];

/** One thing that happened, in the order in which it happened. */
export interface InboxChange extends InboxKey {
  event: ChangeEvent;
  itemId: string | null;
  /** Items whose place this one takes. */
  replaces?: string[];
}

/** So many changes of one inbox are kept: whoever missed more reads the inbox anew. */
const KEPT_PER_INBOX = 1_000;

/**
 * Writes changes down for streams. Run it last in the transaction that makes them: until its end the inboxes are locked
 * against other changes, so that their numbers are seen in order.
 */
export async function logInboxChanges(
  db: Queryable,
  changes: readonly InboxChange[],
  now: Date,
): Promise<void> {
  if (changes.length === 0) return;
  const byInbox = [...Map.groupBy(changes, (change) => `${change.userId} ${change.live}`).values()];
  const latest = await advanceCursors(
    db,
    byInbox.map((own) => ({ ...own[0]!, count: own.length })),
  );
  const numbered = byInbox.flatMap((own) => {
    const last = latest.get(nameOf(own[0]!))!;
    return own.map((change, i) => ({ ...change, seq: last - own.length + 1 + i }));
  });
  const full = byInbox
    .map(([own]) => ({ ...own!, upTo: latest.get(nameOf(own!))! - KEPT_PER_INBOX }))
    .filter(({ upTo }) => upTo > 0);
  await insertChanges(db, numbered, { full, now });
}

function nameOf({ userId, live }: InboxKey): string {
  return `${userId} ${live}`;
}

/** Gives out the next numbers of several inboxes; answers the last one of each. */
async function advanceCursors(
  db: Queryable,
  inboxes: (InboxKey & { count: number })[],
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ userId: string; live: boolean; seq: number }>({
    name: 'advance inbox cursors',
    text: `insert into inbox_cursors as k (tenant_id, user_id, live, seq)
      select * from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[]) as t (tenant_id, user_id, live, n)
      order by tenant_id, user_id, live
      on conflict (tenant_id, user_id, live) do update set seq = k.seq + excluded.seq
      returning user_id as "userId", live, seq`,
    values: [
      column(inboxes, (inbox) => inbox.tenantId),
      column(inboxes, (inbox) => inbox.userId),
      column(inboxes, (inbox) => inbox.live),
      column(inboxes, (inbox) => inbox.count),
    ],
  });
  return new Map(rows.map((row) => [`${row.userId} ${row.live}`, row.seq]));
}

async function insertChanges(
  db: Queryable,
  changes: (InboxChange & { seq: number })[],
  { full, now }: { full: (InboxKey & { upTo: number })[]; now: Date },
): Promise<void> {
  await db.query({
    name: 'insert inbox changes',
    text: `with dropped as (
        delete from inbox_changes c
        using unnest($8::uuid[], $9::uuid[], $10::boolean[], $11::bigint[]) as f (tenant_id, user_id, live, up_to)
        where c.tenant_id = f.tenant_id and c.user_id = f.user_id and c.live = f.live and c.seq <= f.up_to)
      insert into inbox_changes (tenant_id, user_id, live, seq, event, item_id, replaces, at)
      select tenant_id, user_id, live, seq, event, item_id, string_to_array(replaces, ' ')::uuid[], $12
      from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[], $5::text[], $6::uuid[], $7::text[])
        as t (tenant_id, user_id, live, seq, event, item_id, replaces)`,
    values: [
      column(changes, (change) => change.tenantId),
      column(changes, (change) => change.userId),
      column(changes, (change) => change.live),
      column(changes, (change) => change.seq),
      column(changes, (change) => change.event),
      column(changes, (change) => change.itemId),
      column(changes, (change) => change.replaces?.join(' ') ?? null),
      column(full, (inbox) => inbox.tenantId),
      column(full, (inbox) => inbox.userId),
      column(full, (inbox) => inbox.live),
      column(full, (inbox) => inbox.upTo),
      now,
    ],
  });
}

/** The number of the last change; 0 when there never was one. */
export async function loadCursor(db: Queryable, { tenantId, userId, live }: InboxKey): Promise<number> {
  const { rows } = await db.query<{ seq: number }>({
    name: 'load inbox cursor',
    text: 'select seq from inbox_cursors where tenant_id = $1 and user_id = $2 and live = $3',
    values: [tenantId, userId, live],
  });
  return rows[0]?.seq ?? 0;
}

/** Forgets changes from before `before`, at most `limit` of them. Returns how many. */
export async function purgeInboxChanges(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from inbox_changes where (tenant_id, user_id, live, seq) in (
      select tenant_id, user_id, live, seq from inbox_changes where at < $1 order by at limit $2)`,
    [before, limit],
  );
  return rowCount ?? 0;
}
