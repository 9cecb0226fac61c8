import { column, type Queryable } from '../store/index.ts';
import type { ChangeEvent } from './change-store.ts';
import { COLUMNS, type InboxKey, type InboxRow, type InboxView, VIEWS } from './store.ts';

/** An inbox that somebody looks at, and the last change he knows of. */
export interface Watched extends InboxKey {
  after: number;
}

/** A change of the inbox in this place of the question, with the item as it is by now (null: gone). */
export interface NewsRow {
  place: number;
  latest: number;
  seq: number | null;
  event: ChangeEvent | null;
  replaces: string[] | null;
  itemId: string | null;
  item: InboxRow | null;
}

/** So many changes are told one by one; with more to tell it is quicker to read the inbox anew. */
export const TOLD_AT_MOST = 100;

/** What changed in several inboxes since somebody looked, oldest first; nothing of those where nothing did. */
export async function loadNews(db: Queryable, watched: readonly Watched[]): Promise<NewsRow[]> {
  const { rows } = await db.query({
    name: 'load inbox news',
    text: `select w.place::int as place, k.seq as latest, c.seq, c.event, c.replaces, c.item_id as "itemId",
        ${COLUMNS.split(/,\s+/)
          .map((name) => `i.${name}`)
          .join(', ')}
      from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[])
        with ordinality as w (tenant_id, user_id, live, after, place)
      join inbox_cursors k
        on k.tenant_id = w.tenant_id and k.user_id = w.user_id and k.live = w.live and k.seq <> w.after
      left join lateral (
        select seq, event, item_id, replaces from inbox_changes
        where tenant_id = w.tenant_id and user_id = w.user_id and live = w.live and seq > w.after
        order by seq limit $5) c on true
      left join inbox_items i on i.tenant_id = w.tenant_id and i.user_id = w.user_id and i.id = c.item_id
      order by w.place, c.seq`,
    values: [...keysOf(watched), column(watched, ({ after }) => after), TOLD_AT_MOST + 1],
  });
  return rows.map(({ place, latest, seq, event, replaces, itemId, ...item }) => ({
    place: place - 1,
    latest,
    seq,
    event,
    replaces,
    itemId,
    item: item.id === null ? null : (item as InboxRow),
  }));
}

/** How full an inbox is, and when that changes by time alone. */
export interface InboxLook {
  unseen: number;
  unread: number;
  /** Items that expired between `since` and `now`. */
  expired: string[];
  nextExpiry: Date | null;
}

/** How several inboxes look, in the order of the question; `since` (ms since the epoch) by inbox. Counts up to `most`. */
export async function loadLooks(
  db: Queryable,
  inboxes: readonly (InboxKey & { since: number })[],
  { now, most }: { now: Date; most: number },
): Promise<InboxLook[]> {
  const { rows } = await db.query<InboxLook>({
    name: 'load inbox looks',
    text: LOOKS,
    values: [...keysOf(inboxes), now, most, column(inboxes, ({ since }) => new Date(since))],
  });
  return rows;
}

const OWN = 'tenant_id = w.tenant_id and user_id = w.user_id and live = w.live';
const count = (view: InboxView) =>
  `(select count(*) from (select from inbox_items where ${OWN} and ${VIEWS[view]} limit $5) counted)`;
const EXPIRING = `from inbox_items where ${OWN} and archived_at is null and expires_at is not null`;
const LOOKS = `
select ${count('unseen')} as unseen, ${count('unread')} as unread,
  array(select id ${EXPIRING} and expires_at > w.since and expires_at <= $4 order by expires_at limit $5) as expired,
  (select min(expires_at) ${EXPIRING} and expires_at > $4) as "nextExpiry"
from unnest($1::uuid[], $2::uuid[], $3::boolean[], $6::timestamptz[])
  with ordinality as w (tenant_id, user_id, live, since, place)
order by w.place`;

function keysOf(inboxes: readonly InboxKey[]): string[] {
  return [
    column(inboxes, ({ tenantId }) => tenantId),
    column(inboxes, ({ userId }) => userId),
    column(inboxes, ({ live }) => live),
  ];
}
