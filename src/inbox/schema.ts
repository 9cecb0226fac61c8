import { type Static, type TObject, type TProperties, Type } from 'typebox';
import { Exact, OneOf, type Scope, type UserScope } from '../http/index.ts';
import { UserPath } from '../users/index.ts';
import type { InboxRow } from './store.ts';

/** Where the inbox of a user is: under his id for servers, by itself for who has a token of his. */
export interface InboxPlace {
  url: string;
  isUsers: boolean;
}

export const PLACES: readonly InboxPlace[] = [
  { url: '/v1/users/:userId/inbox', isUsers: false },
  { url: '/v1/inbox', isUsers: true },
];

/** The parameters of a place's addresses; `userId` is missing where the token says whose inbox it is. */
export function pathOf<P extends TProperties>(
  { isUsers }: InboxPlace,
  properties: P,
): TObject<P & { userId: ReturnType<typeof Type.Optional<ReturnType<typeof Type.String>>> }> {
  return Exact(isUsers ? properties : { ...UserPath.properties, ...properties }) as never;
}

/** Who may call there. */
export function callersOf({ isUsers }: InboxPlace, scope: Scope): { userScope: UserScope; scope?: Scope } {
  return isUsers ? { userScope: 'inbox' } : { userScope: 'inbox', scope };
}

/** How the documentation names a route. */
export function about({ isUsers }: InboxPlace, summary: string, description?: string) {
  return { tags: [isUsers ? 'Inbox, with a user token' : 'Inbox'], summary, description };
}

export const UUID = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';

export const ItemPath = { itemId: Type.String({ maxLength: 64 }) };

export const Filter = {
  category: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
};

export const STATES = ['unread', 'unseen', 'archived', 'all'] as const;
export const State = Type.Optional(OneOf(STATES));

const TimeOrNull = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);

export const InboxItemAnswer = Type.Object({
  id: Type.String({ format: 'uuid', description: 'Also the id of its delivery' }),
  notificationId: Type.String({ format: 'uuid' }),
  category: Type.String(),
  tags: Type.Array(Type.String()),
  title: Type.String(),
  body: Type.String(),
  url: Type.Optional(Type.String()),
  image: Type.Optional(Type.String()),
  actions: Type.Array(
    Type.Object({
      id: Type.String(),
      title: Type.String(),
      url: Type.Optional(Type.String()),
      completedAt: TimeOrNull,
    }),
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
    actions: row.item.actions.map((action) => ({
      ...action,
      completedAt: row.completed?.[action.id] ?? null,
    })),
    id: row.id,
    notificationId: row.notification_id,
    category: row.category,
    tags: row.tags ?? [],
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    seenAt: row.seen_at?.toISOString() ?? null,
    readAt: row.read_at?.toISOString() ?? null,
    archivedAt: row.archived_at?.toISOString() ?? null,
  };
}

export function renderCounts({
  unseen,
  unread,
}: {
  unseen: number;
  unread: number;
}): Static<typeof CountsAnswer> {
  const display = (count: number) => (count < COUNTED_AT_MOST ? String(count) : `${COUNTED_AT_MOST - 1}+`);
  return { unseen, unread, display: { unseen: display(unseen), unread: display(unread) } };
}
