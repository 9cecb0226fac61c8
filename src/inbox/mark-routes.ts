import { Type } from 'typebox';
import { Exact, invalidField, OneOf, Problem, responses, type Server } from '../http/index.ts';
import { isUuid } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import { changeInbox, type Done, type InboxRoutesDeps, noSuchItem } from './change.ts';
import {
  completeAction,
  deleteInboxItems,
  findMarked,
  MARKS,
  type Mark,
  markInboxItems,
  type Selection,
} from './mark-store.ts';
import {
  about,
  callersOf,
  Filter,
  InboxItemAnswer,
  type InboxPlace,
  ItemPath,
  pathOf,
  renderInboxItem,
  UUID,
} from './schema.ts';
import { findInboxItem, type InboxKey } from './store.ts';

const SUMMARIES: Record<Mark | 'click', string> = {
  seen: 'Mark an inbox item as seen',
  read: 'Mark an inbox item as read, and seen',
  archive: 'Archive an inbox item; it counts as read and seen',
  unread: 'Mark an inbox item as unread again; it stays seen',
  unarchive: 'Take an inbox item back from the archive',
  click: 'Say that the user followed an inbox item; it counts as read and seen',
};
const MAX_IDS = 100;

const BEFORE = {
  pattern: UUID,
  description:
    'The newest item the user was shown: this one and older ones, so that newer ones stay as they are',
};
const BulkBody = Exact({
  mark: OneOf([...MARKS, 'delete']),
  ids: Type.Optional(Type.Array(Type.String({ pattern: UUID }), { minItems: 1, maxItems: MAX_IDS })),
  filter: Type.Optional(
    Exact({
      ...Filter,
      state: Type.Optional(OneOf(['read', 'unread'])),
      before: Type.Optional(Type.String(BEFORE)),
    }),
  ),
});
// A request without a body is null to the validator.
const ReadAllBody = Type.Unsafe<{ before?: string } | null | undefined>({
  type: ['object', 'null'],
  additionalProperties: false,
  properties: { before: { type: 'string', ...BEFORE } },
});

/** What users do with their items: one by one, several by their ids, or all that fit. */
export function registerMarkRoutes(app: Server, deps: InboxRoutesDeps, place: InboxPlace): void {
  for (const mark of [...MARKS, 'click'] as const) registerMark(app, deps, { place, mark });
  registerDelete(app, deps, place);
  registerAction(app, deps, place);
  registerBulk(app, deps, place);
  registerReadAll(app, deps, place);
}

function registerMark(
  app: Server,
  deps: InboxRoutesDeps,
  { place, mark }: { place: InboxPlace; mark: Mark | 'click' },
): void {
  app.post(
    `${place.url}/:itemId/${mark}`,
    {
      config: callersOf(place, 'inbox:write'),
      schema: {
        ...about(place, SUMMARIES[mark], 'The first time counts; again it changes nothing.'),
        params: pathOf(place, ItemPath),
        response: responses({ 200: InboxItemAnswer }),
      },
    },
    ({ credential, params }) =>
      changeInbox(deps, { credential, params }, async (db, inbox, now) => {
        const { itemId } = params;
        if (!isUuid(itemId)) throw noSuchItem(itemId);
        const marked = await apply(db, inbox, { mark: mark === 'click' ? 'read' : mark, ids: [itemId], now });
        const answer = await show(db, inbox, itemId);
        // Followed a second time, or after it was read: the delivery has to learn of it all the same.
        if (mark === 'click')
          return { ...marked, answer, items: await findMarked(db, inbox, itemId), looked: 'clicked' };
        return { ...marked, answer };
      }),
  );
}

function registerDelete(app: Server, deps: InboxRoutesDeps, place: InboxPlace): void {
  app.delete(
    `${place.url}/:itemId`,
    {
      config: callersOf(place, 'inbox:write'),
      schema: {
        ...about(place, 'Delete an inbox item', 'For good; its notification stays on record.'),
        params: pathOf(place, ItemPath),
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential, params }, reply) => {
      await changeInbox(deps, { credential, params }, async (db, inbox) => {
        const { itemId } = params;
        const items = isUuid(itemId) ? await deleteInboxItems(db, inbox, { ids: [itemId] }) : [];
        if (items.length === 0) throw noSuchItem(itemId);
        return { answer: null, items, event: 'item.deleted' };
      });
      return reply.code(204).send(null);
    },
  );
}

function registerAction(app: Server, deps: InboxRoutesDeps, place: InboxPlace): void {
  app.post(
    `${place.url}/:itemId/actions/:actionId`,
    {
      config: callersOf(place, 'inbox:write'),
      schema: {
        ...about(
          place,
          'Say that the user pressed a button of an inbox item',
          'The first time counts. The item counts as read, seen and clicked.',
        ),
        params: pathOf(place, { ...ItemPath, actionId: Type.String({ maxLength: 64 }) }),
        response: responses({ 200: InboxItemAnswer }),
      },
    },
    ({ credential, params }) =>
      changeInbox(deps, { credential, params }, async (db, inbox, now) => {
        const { itemId, actionId } = params;
        if (!isUuid(itemId)) throw noSuchItem(itemId);
        const completed = await completeAction(db, inbox, { id: itemId, action: actionId, now });
        const answer = await show(db, inbox, itemId);
        if (!completed) throw new Problem('inbox.action_not_found');
        const items = completed.isNew ? [completed] : [];
        return { answer, items, event: 'item.updated', looked: 'clicked' };
      }),
  );
}

function registerBulk(app: Server, deps: InboxRoutesDeps, place: InboxPlace): void {
  app.post(
    `${place.url}/bulk`,
    {
      config: callersOf(place, 'inbox:write'),
      schema: {
        ...about(
          place,
          'Mark or delete several inbox items',
          'By `ids`, or all that fit the `filter`: name its `before`, so that items which come meanwhile are left alone.',
        ),
        params: pathOf(place, {}),
        body: BulkBody,
        response: responses({ 200: Type.Object({ changed: Type.Integer() }) }),
      },
    },
    ({ credential, params, body: { mark, ids, filter } }) => {
      if ((ids === undefined) === (filter === undefined))
        throw invalidField('/ids', 'or /filter is required, and not both');
      const selection: Selection = ids ? { ids } : filter!;
      return changeInbox(deps, { credential, params }, async (db, inbox, now) => {
        const done = await apply(db, inbox, { mark, ...selection, now });
        return { ...done, answer: { changed: done.items.length } };
      });
    },
  );
}

function registerReadAll(app: Server, deps: InboxRoutesDeps, place: InboxPlace): void {
  app.post(
    `${place.url}/read-all`,
    {
      config: callersOf(place, 'inbox:write'),
      schema: {
        ...about(place, 'Mark all inbox items as read'),
        params: pathOf(place, {}),
        body: ReadAllBody,
        response: responses({ 200: Type.Object({ marked: Type.Integer() }) }),
      },
    },
    ({ credential, params, body }) =>
      changeInbox(deps, { credential, params }, async (db, inbox, now) => {
        const done = await apply(db, inbox, { mark: 'read', before: body?.before, now });
        return { ...done, answer: { marked: done.items.length } };
      }),
  );
}

async function apply(
  db: Queryable,
  inbox: InboxKey,
  { mark, now, ...selection }: Selection & { mark: Mark | 'delete'; now: Date },
): Promise<Omit<Done<unknown>, 'answer'>> {
  if (mark === 'delete')
    return { items: await deleteInboxItems(db, inbox, selection), event: 'item.deleted' };
  const items = await markInboxItems(db, inbox, { mark, selection, now });
  const looked = mark === 'read' || mark === 'archive' ? 'opened' : undefined;
  return { items, event: 'item.updated', ...(looked && { looked }) };
}

async function show(db: Queryable, inbox: InboxKey, itemId: string): Promise<InboxItemAnswer> {
  const row = await findInboxItem(db, inbox, itemId);
  if (!row) throw noSuchItem(itemId);
  return renderInboxItem(row);
}
