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
  item: Omit<InboxItem, 'keeping'>;
  tags?: string[];
  /** Takes the place of an unread item with the same key. */
  collapseKey?: string | null;
  createdAt: number;
  expiresAt: number | null;
}

/** Stores items; answers the ids of those that are new. Items for users that were deleted meanwhile are left out. */
export async function insertInboxItems(db: Queryable, items: NewInboxItem[]): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>({
    name: 'store inbox items',
    text: `insert into inbox_items
        (tenant_id, user_id, id, live, notification_id, category, item, created_at, expires_at, tags, collapse_key)
      select new.tenant_id, new.user_id, new.id, new.live, new.notification_id, new.category, new.item::jsonb,
        new.created_at, new.expires_at, new.tags::jsonb, new.collapse_key
      from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::uuid[], $6::text[], $7::text[],
        $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[])
        as new (tenant_id, user_id, id, live, notification_id, category, item, created_at, expires_at, tags,
          collapse_key)
      where exists (select from users where tenant_id = new.tenant_id and id = new.user_id)
      on conflict (tenant_id, user_id, id) do nothing
      returning id`,
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
      items.map((item) => (item.tags?.length ? JSON.stringify(item.tags) : null)),
      items.map((item) => item.collapseKey ?? null),
    ],
  });
  return new Set(rows.map((row) => row.id));
}

/** An item whose place a new one takes. */
export interface ReplacedItem {
  id: string;
  by: string;
}

/**
 * Removes the unread items whose places new ones take. Until the transaction ends nobody else stores an item with one of
 * these keys, so two that come at once do not both stay.
 */
export async function removeReplaced(db: Queryable, items: NewInboxItem[]): Promise<ReplacedItem[]> {
  const keys = items.map(({ userId, live, collapseKey }) => `${userId} ${live} ${collapseKey}`);
  await db.query({
    name: 'lock collapse keys',
    text: `select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(name, 22) as key from unnest($1::text[]) as name order by 1) keys`,
    values: [keys],
  });
  const { rows } = await db.query<ReplacedItem>({
    name: 'remove replaced inbox items',
    text: `delete from inbox_items old
      using unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::uuid[])
        as new (tenant_id, user_id, live, collapse_key, id)
      where old.tenant_id = new.tenant_id and old.user_id = new.user_id and old.live = new.live
        and old.collapse_key = new.collapse_key and old.collapse_key is not null and old.read_at is null
        and old.id <> new.id and exists (select from users where tenant_id = new.tenant_id and id = new.user_id)
      returning old.id, new.id as by`,
    values: [
      items.map((item) => item.tenantId),
      items.map((item) => item.userId),
      items.map((item) => item.live),
      items.map((item) => item.collapseKey),
      items.map((item) => item.id),
    ],
  });
  return rows;
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
  tags: string[] | null;
  /** When each action was completed, by its id. */
  completed: Record<string, string> | null;
}

export const COLUMNS = `id, notification_id, category, item, created_at, expires_at, seen_at, read_at, archived_at, tags,
  completed`;

const CURRENT = 'archived_at is null and (expires_at is null or expires_at > $4)';

/** What is shown of an inbox. Conditions stand in the text of the statement, so that partial indexes serve them. */
export const VIEWS = {
  current: CURRENT,
  unseen: `seen_at is null and ${CURRENT}`,
  unread: `read_at is null and ${CURRENT}`,
  archived: 'archived_at is not null and $4::timestamptz is not null',
  all: '$4::timestamptz is not null',
} as const;
export type InboxView = keyof typeof VIEWS;

/** Of a list or a count: what both must have, where it is named. */
export interface InboxFilter {
  category?: string | null;
  tag?: string | null;
}

/** Newest first (ids ascend with time); the page starts behind the id `after`. */
export async function listInboxItems(
  db: Queryable,
  inbox: InboxKey,
  query: InboxFilter & { view: InboxView; now: Date; after: string | null; limit: number },
): Promise<InboxRow[]> {
  const { rows } = await db.query(
    `select ${COLUMNS} from inbox_items
    where tenant_id = $1 and user_id = $2 and live = $3 and ${VIEWS[query.view]} and id < $5
      and ($7::text is null or category = $7) and ($8::text is null or tags ? $8)
    order by id desc
    limit $6`,
    [
      inbox.tenantId,
      inbox.userId,
      inbox.live,
      query.now,
      query.after ?? LAST_ID,
      query.limit,
      query.category ?? null,
      query.tag ?? null,
    ],
  );
  return rows;
}

export async function findInboxItem(db: Queryable, inbox: InboxKey, id: string): Promise<InboxRow | null> {
  const { rows } = await db.query(
    `select ${COLUMNS} from inbox_items where tenant_id = $1 and user_id = $2 and live = $3 and id = $4`,
    [inbox.tenantId, inbox.userId, inbox.live, id],
  );
  return rows[0] ?? null;
}

/** Unseen and unread items, each counted up to `most`. */
export async function countInboxItems(
  db: Queryable,
  inbox: InboxKey,
  query: InboxFilter & { now: Date; most: number },
): Promise<{ unseen: number; unread: number }> {
  const count = (view: InboxView) =>
    `(select count(*) from (
      select from inbox_items where tenant_id = $1 and user_id = $2 and live = $3 and ${VIEWS[view]}
        and ($6::text is null or category = $6) and ($7::text is null or tags ? $7) limit $5
    ) counted)`;
  const { rows } = await db.query(`select ${count('unseen')} as unseen, ${count('unread')} as unread`, [
    inbox.tenantId,
    inbox.userId,
    inbox.live,
    query.now,
    query.most,
    query.category ?? null,
    query.tag ?? null,
  ]);
  return rows[0];
}
