import type { InboxItem } from '../providers/contract.ts';
import { LAST_ID, type Queryable } from '../store/index.ts';

/** A message for a user's inbox; times in milliseconds since the epoch. */
export interface NewInboxItem {
  tenantId: string;
  /** Our id of the user. */
  userId: string;
  /** The id of the delivery: a repeated one is stored once. */
  id: string;
  live: boolean;
  notificationId: string;
  category: string;
  item: InboxItem;
  createdAt: number;
  expiresAt: number | null;
}

/**
 * Stores items exactly once: run it in the transaction that writes their deliveries' results. Items for users that
 * were deleted meanwhile are left out.
 */
export async function storeInboxItems(db: Queryable, items: NewInboxItem[]): Promise<void> {
  if (items.length === 0) return;
  await db.query({
    name: 'store inbox items',
    text: `insert into inbox_items
        (tenant_id, user_id, id, live, notification_id, category, item, created_at, expires_at)
      select new.tenant_id, new.user_id, new.id, new.live, new.notification_id, new.category, new.item::jsonb,
        new.created_at, new.expires_at
      from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::uuid[], $6::text[], $7::text[],
        $8::timestamptz[], $9::timestamptz[])
        as new (tenant_id, user_id, id, live, notification_id, category, item, created_at, expires_at)
      where exists (select from users where tenant_id = new.tenant_id and id = new.user_id)
      on conflict (tenant_id, user_id, id) do nothing`,
    values: [
      items.map((item) => item.tenantId),
      items.map((item) => item.userId),
      items.map((item) => item.id),
      items.map((item) => item.live),
      items.map((item) => item.notificationId),
      items.map((item) => item.category),
      items.map((item) => JSON.stringify(item.item)),
      items.map((item) => new Date(item.createdAt)),
      items.map((item) => (item.expiresAt === null ? null : new Date(item.expiresAt))),
    ],
  });
}

/** One user's inbox, as keys of one mode see it. */
export interface InboxKey {
  tenantId: string;
  userId: string;
  live: boolean;
}

export interface InboxRow {
  id: string;
  notification_id: string;
  category: string;
  item: InboxItem;
  created_at: Date;
  expires_at: Date | null;
  seen_at: Date | null;
  read_at: Date | null;
  archived_at: Date | null;
}

const COLUMNS = `id, notification_id, category, item, created_at, expires_at, seen_at, read_at, archived_at`;

const CURRENT = 'archived_at is null and (expires_at is null or expires_at > $4)';

/** What is shown of an inbox. Conditions stand in the text of the statement, so that partial indexes serve them. */
const VIEWS = {
  current: CURRENT,
  unseen: `seen_at is null and ${CURRENT}`,
  unread: `read_at is null and ${CURRENT}`,
  archived: 'archived_at is not null and $4::timestamptz is not null',
  all: '$4::timestamptz is not null',
} as const;
export type InboxView = keyof typeof VIEWS;

/** Newest first (ids ascend with time); the page starts behind the id `after`. */
export async function listInboxItems(
  db: Queryable,
  inbox: InboxKey,
  query: { view: InboxView; now: Date; after: string | null; limit: number },
): Promise<InboxRow[]> {
  const { rows } = await db.query(
    `select ${COLUMNS} from inbox_items
    where tenant_id = $1 and user_id = $2 and live = $3 and ${VIEWS[query.view]} and id < $5
    order by id desc
    limit $6`,
    [inbox.tenantId, inbox.userId, inbox.live, query.now, query.after ?? LAST_ID, query.limit],
  );
  return rows;
}

/** Unseen and unread items, each counted up to `most`. */
export async function countInboxItems(
  db: Queryable,
  inbox: InboxKey,
  query: { now: Date; most: number },
): Promise<{ unseen: number; unread: number }> {
  const count = (view: InboxView) =>
    `(select count(*) from (
      select from inbox_items where tenant_id = $1 and user_id = $2 and live = $3 and ${VIEWS[view]} limit $5
    ) counted)`;
  const { rows } = await db.query(`select ${count('unseen')} as unseen, ${count('unread')} as unread`, [
    inbox.tenantId,
    inbox.userId,
    inbox.live,
    query.now,
    query.most,
  ]);
  return rows[0];
}

/** What a user did with an item; each includes those before it: what is read was seen. */
export const MARKS = ['seen', 'read', 'archive'] as const;
export type Mark = (typeof MARKS)[number];

/** The notification of an item, if it has a ladder, which may be stopped by what the user does here. */
const LADDER = `case when (select d.choice ? 'step' from deliveries d
  where d.id = inbox_items.id and d.tenant_id = inbox_items.tenant_id) then notification_id end as ladder`;

/** Sets the times that the mark implies and that are not set yet. Null when there is no such item. */
export async function markInboxItem(
  db: Queryable,
  inbox: InboxKey,
  change: { id: string; mark: Mark; now: Date },
): Promise<(InboxRow & { ladder: string | null }) | null> {
  const { rows } = await db.query(
    `update inbox_items set
      seen_at = coalesce(seen_at, $5),
      read_at = case when $6 then coalesce(read_at, $5) else read_at end,
      archived_at = case when $7 then coalesce(archived_at, $5) else archived_at end
    where tenant_id = $1 and user_id = $2 and live = $3 and id = $4
    returning ${COLUMNS}, ${LADDER}`,
    [
      inbox.tenantId,
      inbox.userId,
      inbox.live,
      change.id,
      change.now,
      change.mark !== 'seen',
      change.mark === 'archive',
    ],
  );
  return rows[0] ?? null;
}

/** Marks every unread item up to the id `newest` (null: all) as read; returns how many, and which notifications have ladders. */
export async function markAllRead(
  db: Queryable,
  inbox: InboxKey,
  change: { newest: string | null; now: Date },
): Promise<{ marked: number; ladders: string[] }> {
  const { rows } = await db.query(
    `with marked as (
    update inbox_items set read_at = $5, seen_at = coalesce(seen_at, $5)
    where tenant_id = $1 and user_id = $2 and live = $3 and read_at is null and id <= $4
    returning ${LADDER})
    select count(*)::int as marked, coalesce(array_agg(ladder) filter (where ladder is not null), '{}') as ladders from marked`,
    [inbox.tenantId, inbox.userId, inbox.live, change.newest ?? LAST_ID, change.now],
  );
  return rows[0];
}
