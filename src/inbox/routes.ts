import { Exact, Page, PageQuery, parseCursor, responses, type Server, toPage } from '../http/index.ts';
import { isUuid } from '../lib/ids.ts';
import { type InboxRoutesDeps, inboxOf, noSuchItem } from './change.ts';
import { registerMarkRoutes } from './mark-routes.ts';
import {
  about,
  COUNTED_AT_MOST,
  CountsAnswer,
  callersOf,
  Filter,
  InboxItemAnswer,
  type InboxPlace,
  ItemPath,
  PLACES,
  pathOf,
  renderCounts,
  renderInboxItem,
  State,
  UUID,
} from './schema.ts';
import { countInboxItems, findInboxItem, listInboxItems } from './store.ts';

/**
 * The inbox of a user, for servers and for who has a token of his. Test keys see what test notifications stored, live
 * keys the rest.
 */
export function registerInboxRoutes(app: Server, deps: InboxRoutesDeps): void {
  for (const place of PLACES) {
    registerList(app, deps, place);
    registerItem(app, deps, place);
    registerCounts(app, deps, place);
    registerMarkRoutes(app, deps, place);
  }
}

function registerList(app: Server, { store, clock }: InboxRoutesDeps, place: InboxPlace): void {
  app.get(
    place.url,
    {
      config: callersOf(place, 'inbox:read'),
      schema: {
        ...about(
          place,
          "List a user's inbox, newest first",
          'Without `state`: what is neither archived nor expired. `archived` and `all` include expired items.',
        ),
        params: pathOf(place, {}),
        querystring: Exact({ ...PageQuery, ...Filter, state: State }),
        response: responses({ 200: Page(InboxItemAnswer) }),
      },
    },
    ({ credential, params, query: { limit = 20, cursor, state, category, tag } }) =>
      store.scoped(credential.tenantId, async (db) => {
        const after = parseCursor(cursor, new RegExp(UUID));
        const inbox = await inboxOf(db, { credential, params });
        const now = new Date(clock.now());
        const view = state ?? 'current';
        const rows = await listInboxItems(db, inbox, { view, now, after, limit: limit + 1, category, tag });
        return toPage(rows, limit, (row) => row.id, renderInboxItem);
      }),
  );
}

function registerItem(app: Server, { store }: InboxRoutesDeps, place: InboxPlace): void {
  app.get(
    `${place.url}/:itemId`,
    {
      config: callersOf(place, 'inbox:read'),
      schema: {
        ...about(place, 'Get an inbox item'),
        params: pathOf(place, ItemPath),
        response: responses({ 200: InboxItemAnswer }),
      },
    },
    ({ credential, params }) =>
      store.scoped(credential.tenantId, async (db) => {
        const inbox = await inboxOf(db, { credential, params });
        const row = isUuid(params.itemId) ? await findInboxItem(db, inbox, params.itemId) : null;
        if (!row) throw noSuchItem(params.itemId);
        return renderInboxItem(row);
      }),
  );
}

function registerCounts(app: Server, { store, clock }: InboxRoutesDeps, place: InboxPlace): void {
  app.get(
    `${place.url}/counts`,
    {
      config: callersOf(place, 'inbox:read'),
      schema: {
        ...about(
          place,
          'Count unseen and unread inbox items',
          'Of those that are neither archived nor expired.',
        ),
        params: pathOf(place, {}),
        querystring: Exact(Filter),
        response: responses({ 200: CountsAnswer }),
      },
    },
    ({ credential, params, query }) =>
      store.scoped(credential.tenantId, async (db) => {
        const inbox = await inboxOf(db, { credential, params });
        const now = new Date(clock.now());
        return renderCounts(await countInboxItems(db, inbox, { ...query, now, most: COUNTED_AT_MOST }));
      }),
  );
}
