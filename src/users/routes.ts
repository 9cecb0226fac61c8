import { Type } from 'typebox';
import { Exact, Page, PageQuery, parseCursor, responses, type Server, toPage } from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import { registerDeviceRoutes } from './device-routes.ts';
import { listDevices } from './device-store.ts';
import { userNotFound } from './find-user.ts';
import { type ProfileChange, parseProfile } from './profile.ts';
import { renderSummary, renderUser } from './render.ts';
import type { UserRoutesDeps } from './route-deps.ts';
import { UserAnswer, UserBody, UserPath, UserSummary } from './schema.ts';
import {
  deleteContacts,
  deleteUser,
  findUser,
  listContacts,
  listUsers,
  listUsersByPrefix,
  type UserKey,
  type UserRow,
  upsertContacts,
  upsertUser,
} from './store.ts';
import { registerSuppressionRoutes } from './suppression-routes.ts';

const DEVICES_SHOWN = 100;
const UUID_CURSOR = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const EXTERNAL_ID_CURSOR = /^[^\u0000]{1,256}$/u;

/** `/v1/users`, their devices, and `/v1/suppressions`. */
export function registerUserRoutes(app: Server, deps: UserRoutesDeps): void {
  registerPut(app, deps);
  registerReads(app, deps);
  registerDelete(app, deps);
  registerDeviceRoutes(app, deps);
  registerSuppressionRoutes(app, deps);
}

function registerPut(app: Server, { store, clock }: UserRoutesDeps): void {
  app.put(
    '/v1/users/:userId',
    {
      config: { scope: 'users:write' },
      schema: {
        tags: ['Users'],
        summary: 'Create or change a user',
        description: 'A field that is absent stays as it is; null removes it.',
        params: UserPath,
        body: UserBody,
        response: responses({ 200: UserAnswer, 201: UserAnswer }),
      },
    },
    async (request, reply) => {
      const key = { tenantId: request.credential.tenantId, externalId: request.params.userId };
      const change = parseProfile(request.body);
      const { created, answer } = await store.scoped(key.tenantId, (db) =>
        saveUser(db, key, change, clock.now()),
      );
      return reply.code(created ? 201 : 200).send(answer);
    },
  );
}

function registerReads(app: Server, { store }: UserRoutesDeps): void {
  app.get(
    '/v1/users/:userId',
    {
      config: { scope: 'users:read' },
      schema: {
        tags: ['Users'],
        summary: 'Get a user with contacts and devices',
        params: UserPath,
        response: responses({ 200: UserAnswer }),
      },
    },
    ({ credential: { tenantId }, params }) =>
      store.scoped(tenantId, async (db) => {
        const user = await findUser(db, { tenantId, externalId: params.userId });
        if (!user) throw userNotFound(params.userId);
        return showUser(db, tenantId, user);
      }),
  );
  app.get(
    '/v1/users',
    {
      config: { scope: 'users:read' },
      schema: {
        tags: ['Users'],
        summary: 'List users',
        description: 'Oldest first; with `externalIdPrefix` in the order of the external id.',
        querystring: Exact({
          ...PageQuery,
          externalIdPrefix: Type.Optional(
            Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\u0000]*$' }),
          ),
        }),
        response: responses({ 200: Page(UserSummary) }),
      },
    },
    ({ credential: { tenantId }, query: { limit = 20, cursor, externalIdPrefix: prefix } }) =>
      store.scoped(tenantId, async (db) => {
        if (prefix === undefined) {
          const after = parseCursor(cursor, UUID_CURSOR);
          const rows = await listUsers(db, { tenantId, after, limit: limit + 1 });
          return toPage(rows, limit, (user) => user.id, renderSummary);
        }
        const after = parseCursor(cursor, EXTERNAL_ID_CURSOR);
        const rows = await listUsersByPrefix(db, { tenantId, prefix, after, limit: limit + 1 });
        return toPage(rows, limit, (user) => user.external_id, renderSummary);
      }),
  );
}

function registerDelete(app: Server, { store }: UserRoutesDeps): void {
  app.delete(
    '/v1/users/:userId',
    {
      config: { scope: 'users:write' },
      schema: {
        tags: ['Users'],
        summary: 'Delete a user',
        description: 'With contacts, devices and inbox. What was sent stays on record under the external id.',
        params: UserPath,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params }, reply) => {
      const deleted = await store.scoped(tenantId, (db) =>
        deleteUser(db, { tenantId, externalId: params.userId }),
      );
      if (!deleted) throw userNotFound(params.userId);
      return reply.code(204).send(null);
    },
  );
}

async function saveUser(db: Queryable, key: UserKey, change: ProfileChange, nowMs: number) {
  const now = new Date(nowMs);
  const user = await upsertUser(db, key, { ...change, id: uuidv7(nowMs), now });
  const ref = { tenantId: key.tenantId, id: user.id };
  if (change.contacts.length > 0) await upsertContacts(db, ref, change.contacts, now);
  if (change.removedContacts.length > 0) await deleteContacts(db, ref, change.removedContacts);
  return { created: user.created, answer: await showUser(db, key.tenantId, user) };
}

async function showUser(db: Queryable, tenantId: string, user: UserRow): Promise<UserAnswer> {
  const contacts = await listContacts(db, { tenantId, id: user.id });
  const devices = await listDevices(db, { tenantId, userId: user.id, after: null, limit: DEVICES_SHOWN });
  return renderUser(user, contacts, devices);
}
