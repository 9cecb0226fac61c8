import { type Static, Type } from 'typebox';
import { Exact } from '../http/index.ts';
import { UserPath } from '../users/index.ts';
import type { InboxRow } from './store.ts';

export const ItemPath = Exact({
  ...UserPath.properties,
  itemId: Type.String({ maxLength: 64 }),
});

const TimeOrNull = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);

export const InboxItemAnswer = Type.Object({
  id: Type.String({ format: 'uuid', description: 'Also the id of its delivery' }),
  notificationId: Type.String({ format: 'uuid' }),
  category: Type.String(),
  title: Type.String(),
  body: Type.String(),
  url: Type.Optional(Type.String()),
  image: Type.Optional(Type.String()),
  actions: Type.Array(
    Type.Object({ id: Type.String(), title: Type.String(), url: Type.Optional(Type.String()) }),
  ),
  data: Type.Record(Type.String(), Type.Unknown()),
  beacon: Type.Optional(
    Type.Object(
      { url: Type.String(), token: Type.String() },
      { description: 'Where to post that it was shown, clicked or dismissed, when that is tracked' },
    ),
  ),
  createdAt: Type.String({ format: 'date-time' }),
  expiresAt: TimeOrNull,
  seenAt: TimeOrNull,
  readAt: TimeOrNull,
  archivedAt: TimeOrNull,
});
export type InboxItemAnswer = Static<typeof InboxItemAnswer>;

/** Counting stops here: a badge says "99+", and the work stays the same however full the inbox is. */
export const COUNTED_AT_MOST = 100;

const Count = Type.Integer({ description: `${COUNTED_AT_MOST} means that many or more` });
export const CountsAnswer = Type.Object({
  unseen: Count,
  unread: Count,
  display: Type.Object(
    { unseen: Type.String(), unread: Type.String() },
    { description: 'For a badge: "99+" above 99' },
  ),
});

export function renderInboxItem(row: InboxRow): InboxItemAnswer {
  return {
    ...row.item,
    id: row.id,
    notificationId: row.notification_id,
    category: row.category,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    seenAt: row.seen_at?.toISOString() ?? null,
    readAt: row.read_at?.toISOString() ?? null,
    archivedAt: row.archived_at?.toISOString() ?? null,
  };
}

export function renderCounts(counts: { unseen: number; unread: number }): Static<typeof CountsAnswer> {
  const display = (count: number) => (count < COUNTED_AT_MOST ? String(count) : `${COUNTED_AT_MOST - 1}+`);
  return { ...counts, display: { unseen: display(counts.unseen), unread: display(counts.unread) } };
}
