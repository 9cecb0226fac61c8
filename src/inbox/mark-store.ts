import { LAST_ID, type Queryable } from '../store/index.ts';
import type { InboxFilter, InboxKey } from './store.ts';

/** What a user did with an item. What is read was seen, what is archived was read; unread again keeps that it was seen. */
export const MARKS = ['seen', 'read', 'archive', 'unread', 'unarchive'] as const;
export type Mark = (typeof MARKS)[number];

// $1 is the time. The conditions are in the words of the partial indexes, and leave alone what is as it should be.
const SQL: Record<Mark, { set: string; where: string }> = {
  seen: { set: 'seen_at = $1', where: 'i.seen_at is null' },
  read: { set: 'read_at = $1, seen_at = coalesce(seen_at, $1)', where: 'i.read_at is null' },
  archive: {
    set: 'archived_at = $1, read_at = coalesce(read_at, $1), seen_at = coalesce(seen_at, $1)',
    where: 'i.archived_at is null',
  },
  unread: { set: 'read_at = null', where: 'i.read_at is not null and $1::timestamptz is not null' },
  unarchive: {
    set: 'archived_at = null',
    where: 'i.archived_at is not null and $1::timestamptz is not null',
  },
};

/** Which items: by their ids, or all that fit, up to and including the id `before`. */
export interface Selection extends InboxFilter {
  ids?: string[];
  before?: string | null;
  state?: 'read' | 'unread' | null;
}

/** An item that was changed. */
export interface Marked {
  id: string;
  /** Its notification if that has a ladder, which may be stopped by what the user does here. */
  ladder: string | null;
}

const LADDER = `case when (select d.choice ? 'step' from deliveries d
  where d.id = i.id and d.tenant_id = i.tenant_id) then i.notification_id end as ladder`;

/** By ids the primary key leads to the items; in one text with the other way it would be passed over. */
const chosen = ({ ids }: Selection) => `i.tenant_id = $2 and i.user_id = $3 and i.live = $4
  and ${ids ? 'i.id = any($5::uuid[])' : '$5::uuid[] is null'} and i.id <= $6
  and ($7::text is null or i.category = $7) and ($8::text is null or i.tags ? $8)
  and ($9::text is null or (i.read_at is null) = ($9 = 'unread'))`;

/** Sets the times that the mark implies and that are not set yet; answers the items that it changed, oldest first. */
export async function markInboxItems(
  db: Queryable,
  inbox: InboxKey,
  { mark, selection, now }: { mark: Mark; selection: Selection; now: Date },
): Promise<Marked[]> {
  const { set, where } = SQL[mark];
  const { rows } = await db.query<Marked>(
    `with marked as (update inbox_items i set ${set} where ${where} and ${chosen(selection)} returning i.id, ${LADDER})
    select id, ladder from marked order by id`,
    [now, ...chosenBy(inbox, selection)],
  );
  return rows;
}

/** The item as its marking would have answered, changed or not. */
export async function findMarked(db: Queryable, inbox: InboxKey, id: string): Promise<Marked[]> {
  const { rows } = await db.query<Marked>(
    `select i.id, ${LADDER} from inbox_items i
    where tenant_id = $1 and user_id = $2 and live = $3 and id = $4`,
    [inbox.tenantId, inbox.userId, inbox.live, id],
  );
  return rows;
}

/** Removes items for good; answers which. */
export async function deleteInboxItems(
  db: Queryable,
  inbox: InboxKey,
  selection: Selection,
): Promise<Marked[]> {
  const { rows } = await db.query<Marked>(
    `with gone as (delete from inbox_items i where $1::timestamptz is null and ${chosen(selection)} returning i.id)
    select id, null as ladder from gone order by id`,
    [null, ...chosenBy(inbox, selection)],
  );
  return rows;
}

/** Null when the item has no such action; `isNew` when it was not completed before. It was read and seen by that. */
export async function completeAction(
  db: Queryable,
  inbox: InboxKey,
  { id, action, now }: { id: string; action: string; now: Date },
): Promise<(Marked & { isNew: boolean }) | null> {
  const { rows } = await db.query<Marked & { isNew: boolean }>(
    `with before as (
      select tenant_id, user_id, id, completed from inbox_items
      where tenant_id = $2 and user_id = $3 and live = $4 and id = $5
        and item->'actions' @> jsonb_build_array(jsonb_build_object('id', $6::text)) for update)
    update inbox_items i set
      completed = jsonb_build_object($6::text, $7::text) || coalesce(i.completed, '{}'),
      read_at = coalesce(i.read_at, $1), seen_at = coalesce(i.seen_at, $1)
    from before b where i.tenant_id = b.tenant_id and i.user_id = b.user_id and i.id = b.id
    returning i.id, ${LADDER}, coalesce(not b.completed ? $6, true) as "isNew"`,
    [now, inbox.tenantId, inbox.userId, inbox.live, id, action, now.toISOString()],
  );
  return rows[0] ?? null;
}

function chosenBy(inbox: InboxKey, { ids, before, category, tag, state }: Selection): unknown[] {
  const { tenantId, userId, live } = inbox;
  return [
    tenantId,
    userId,
    live,
    ids ?? null,
    before ?? LAST_ID,
    category ?? null,
    tag ?? null,
    state ?? null,
  ];
}
