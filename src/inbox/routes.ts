import { Type } from 'typebox';
import {
  type Credential,
  Exact,
  OneOf,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import { lockLadders, stopLadders } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { isUuid } from '../lib/ids.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Queryable, Store } from '../store/index.ts';
import { requireUserId, UserPath } from '../users/index.ts';
import {
  COUNTED_AT_MOST,
  CountsAnswer,
  InboxItemAnswer,
  ItemPath,
  renderCounts,
  renderInboxItem,
} from './schema.ts';
import {
  countInboxItems,
  type InboxKey,
  listInboxItems,
  MARKS,
  type Mark,
  markAllRead,
  markInboxItem,
} from './store.ts';

export interface InboxRoutesDeps {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  /** Told that routing has something to do. */
  wake?: Pick<Wake, 'signal'>;
}

const STATES = ['unread', 'unseen', 'archived', 'all'] as const;
const UUID = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
const SUMMARIES: Record<Mark, string> = {
  seen: 'Mark an inbox item as seen',
  read: 'Mark an inbox item as read, and seen',
  archive: 'Archive an inbox item; it counts as read and seen',
};

// A request without a body is null to the validator.
const ReadAllBody = Type.Unsafe<{ before?: string } | null | undefined>({
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    before: {
      type: 'string',
      pattern: UUID,
      description:
        'The newest item the user was shown: marks it and older ones, so that newer ones stay unread',
    },
  },
});

/** The inbox of a user. Test keys see what test notifications stored, live keys the rest. */
export function registerInboxRoutes(app: Server, deps: InboxRoutesDeps): void {
  registerList(app, deps);
  registerCounts(app, deps);
  for (const mark of MARKS) registerMark(app, deps, mark);
  registerReadAll(app, deps);
}

function registerList(app: Server, { store, clock }: InboxRoutesDeps): void {
  app.get(
    '/v1/users/:userId/inbox',
    {
      config: { scope: 'inbox:read' },
      schema: {
        tags: ['Inbox'],
        summary: "List a user's inbox, newest first",
        description:
          'Without `state`: what is neither archived nor expired. `archived` and `all` include expired items.',
        params: UserPath,
        querystring: Exact({
          ...PageQuery,
          state: Type.Optional(OneOf(STATES)),
        }),
        response: responses({ 200: Page(InboxItemAnswer) }),
      },
    },
    ({ credential, params, query: { limit = 20, cursor, state } }) =>
      store.scoped(credential.tenantId, async (db) => {
        const after = parseCursor(cursor, new RegExp(UUID));
        const inbox = await inboxOf(db, credential, params.userId);
        const now = new Date(clock.now());
        const rows = await listInboxItems(db, inbox, {
          view: state ?? 'current',
          now,
          after,
          limit: limit + 1,
        });
        return toPage(rows, limit, (row) => row.id, renderInboxItem);
      }),
  );
}

function registerCounts(app: Server, { store, clock }: InboxRoutesDeps): void {
  app.get(
    '/v1/users/:userId/inbox/counts',
    {
      config: { scope: 'inbox:read' },
      schema: {
        tags: ['Inbox'],
        summary: 'Count unseen and unread inbox items',
        description: 'Of those that are neither archived nor expired.',
        params: UserPath,
        response: responses({ 200: CountsAnswer }),
      },
    },
    ({ credential, params }) =>
      store.scoped(credential.tenantId, async (db) => {
        const inbox = await inboxOf(db, credential, params.userId);
        const now = new Date(clock.now());
        return renderCounts(await countInboxItems(db, inbox, { now, most: COUNTED_AT_MOST }));
      }),
  );
}

function registerMark(app: Server, deps: InboxRoutesDeps, mark: Mark): void {
  app.post(
    `/v1/users/:userId/inbox/:itemId/${mark}`,
    {
      config: { scope: 'inbox:write' },
      schema: {
        tags: ['Inbox'],
        summary: SUMMARIES[mark],
        description: 'The first time counts; again it changes nothing.',
        params: ItemPath,
        response: responses({ 200: InboxItemAnswer }),
      },
    },
    ({ credential, params: { userId, itemId } }) =>
      markScoped(deps, credential, async (db, now) => {
        const inbox = await inboxOf(db, credential, userId);
        const change = { id: itemId, mark, now };
        const row = isUuid(itemId) ? await markInboxItem(db, inbox, change) : null;
        if (!row)
          throw new Problem('inbox.item_not_found', `The inbox of "${userId}" has no item "${itemId}"`);
        const { ladder, ...item } = row;
        return { answer: renderInboxItem(item), ladders: ladder ? [ladder] : [] };
      }),
  );
}

function registerReadAll(app: Server, deps: InboxRoutesDeps): void {
  app.post(
    '/v1/users/:userId/inbox/read-all',
    {
      config: { scope: 'inbox:write' },
      schema: {
        tags: ['Inbox'],
        summary: 'Mark all inbox items as read',
        params: UserPath,
        body: ReadAllBody,
        response: responses({ 200: Type.Object({ marked: Type.Integer() }) }),
      },
    },
    ({ credential, params, body }) =>
      markScoped(deps, credential, async (db, now) => {
        const inbox = await inboxOf(db, credential, params.userId);
        const { marked, ladders } = await markAllRead(db, inbox, { newest: body?.before ?? null, now });
        return { answer: { marked }, ladders };
      }),
  );
}

/** What was looked at here may stop ladders, in the same transaction. */
async function markScoped<T>(
  { store, clock, wake }: InboxRoutesDeps,
  { tenantId }: Credential,
  mark: (db: Queryable, now: Date) => Promise<{ answer: T; ladders: string[] }>,
): Promise<T> {
  const { answer, priorities } = await store.scoped(tenantId, async (db) => {
    const now = new Date(clock.now());
    const { answer, ladders } = await mark(db, now);
    if (ladders.length === 0) return { answer, priorities: [] };
    await lockLadders(db, ladders);
    return { answer, ...(await stopLadders(db, { tenantId, ids: ladders, now })) };
  });
  for (const priority of priorities) wake?.signal(routeTopic(priority));
  return answer;
}

async function inboxOf(db: Queryable, { tenantId, live }: Credential, externalId: string): Promise<InboxKey> {
  return { tenantId, live, userId: await requireUserId(db, { tenantId, externalId }) };
}
