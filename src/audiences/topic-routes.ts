import { Type } from 'typebox';
import {
  Exact,
  ExternalId,
  Page,
  PageQuery,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import { requireUserId, UserPath } from '../users/index.ts';
import type { AudienceDeps } from './deps.ts';
import { TopicPath } from './topic.ts';
import {
  listSubscribers,
  listTopics,
  listTopicsOfUser,
  subscribeUsers,
  unknownUsers,
  unsubscribeUsers,
} from './topic-store.ts';

const MAX_BULK = 1_000;
const TOPIC_CURSOR = /^[a-z0-9_/-]{1,519}$/;
const SUBSCRIBER_CURSOR = /^[a-z0-9_/-]{1,519} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const Path = Exact({ topic: TopicPath });
const SubscriberPath = Exact({ topic: TopicPath, userId: UserPath.properties.userId });
const Ids = Type.Array(ExternalId, { maxItems: MAX_BULK, uniqueItems: true });

/** `/v1/topics` and the topics of a user. */
export function registerTopicRoutes(app: Server, deps: AudienceDeps): void {
  registerOne(app, deps);
  registerMany(app, deps);
  registerLists(app, deps);
}

function registerOne(app: Server, { store, clock }: AudienceDeps): void {
  app.put(
    '/v1/topics/:topic/subscribers/:userId',
    {
      config: { scope: 'audiences:write' },
      schema: {
        tags: ['Topics'],
        summary: 'Subscribe a user to a topic',
        description: 'Who is subscribed already stays so.',
        params: SubscriberPath,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params: { topic, userId } }, reply) => {
      await store.scoped(tenantId, async (db) => {
        await requireUserId(db, { tenantId, externalId: userId });
        const now = new Date(clock.now());
        await subscribeUsers(db, { tenantId, topic }, { externalIds: [userId], now });
      });
      return reply.code(204).send(null);
    },
  );
  app.delete(
    '/v1/topics/:topic/subscribers/:userId',
    {
      config: { scope: 'audiences:write' },
      schema: {
        tags: ['Topics'],
        summary: 'Unsubscribe a user from a topic',
        description:
          'From exactly this topic: subscriptions below it stay. Succeeds whether or not there was one.',
        params: SubscriberPath,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params: { topic, userId } }, reply) => {
      await store.scoped(tenantId, async (db) => {
        await requireUserId(db, { tenantId, externalId: userId });
        await unsubscribeUsers(db, { tenantId, topic }, [userId]);
      });
      return reply.code(204).send(null);
    },
  );
}

function registerMany(app: Server, { store, clock }: AudienceDeps): void {
  app.post(
    '/v1/topics/:topic/subscribers',
    {
      config: { scope: 'audiences:write' },
      schema: {
        tags: ['Topics'],
        summary: 'Subscribe and unsubscribe many users',
        description: `Up to ${MAX_BULK} ids of each. Ids that are no users are named in the answer; the others are dealt with.`,
        params: Path,
        body: Exact({ subscribe: Type.Optional(Ids), unsubscribe: Type.Optional(Ids) }),
        response: responses({
          200: Type.Object({
            subscribed: Type.Integer({ description: 'Who were not before' }),
            unsubscribed: Type.Integer({ description: 'Who were before' }),
            unknown: Type.Array(Type.String()),
          }),
        }),
      },
    },
    ({ credential: { tenantId }, params: { topic }, body: { subscribe = [], unsubscribe = [] } }) =>
      store.scoped(tenantId, async (db) => {
        const of = { tenantId, topic };
        const now = new Date(clock.now());
        return {
          subscribed: subscribe.length && (await subscribeUsers(db, of, { externalIds: subscribe, now })),
          unsubscribed: unsubscribe.length && (await unsubscribeUsers(db, of, unsubscribe)),
          unknown: await unknownUsers(db, tenantId, [...new Set([...subscribe, ...unsubscribe])]),
        };
      }),
  );
}

function registerLists(app: Server, { store }: AudienceDeps): void {
  app.get(
    '/v1/topics/:topic/subscribers',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Topics'],
        summary: 'Who gets what is sent to a topic',
        description:
          'Subscribers of the topic and of everything below it, each once, with the first of his topics.',
        params: Path,
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(Type.Object({ userId: Type.String(), topic: Type.String() })) }),
      },
    },
    ({ credential: { tenantId }, params: { topic }, query: { limit = 20, cursor } }) =>
      store.scoped(tenantId, async (db) => {
        const [first, userId] = parseCursor(cursor, SUBSCRIBER_CURSOR)?.split(' ') ?? [];
        const after = first ? { topic: first, user_id: userId! } : null;
        const rows = await listSubscribers(db, { tenantId, topic }, { after, limit: limit + 1 });
        return toPage(
          rows,
          limit,
          (row) => `${row.topic} ${row.user_id}`,
          (row) => ({ userId: row.external_id, topic: row.topic }),
        );
      }),
  );
  app.get(
    '/v1/topics',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Topics'],
        summary: 'Topics that anybody is subscribed to',
        querystring: Exact({ ...PageQuery, under: Type.Optional(TopicPath) }),
        response: responses({ 200: Page(Type.Object({ topic: Type.String() })) }),
      },
    },
    ({ credential: { tenantId }, query: { limit = 20, cursor, under = null } }) =>
      store.scoped(tenantId, async (db) => {
        const after = parseCursor(cursor, TOPIC_CURSOR);
        const topics = await listTopics(db, { tenantId, under, after, limit: limit + 1 });
        return toPage(topics, limit, String, (topic) => ({ topic }));
      }),
  );
  app.get(
    '/v1/users/:userId/topics',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Topics'],
        summary: 'The topics of a user',
        params: UserPath,
        querystring: Exact(PageQuery),
        response: responses({
          200: Page(Type.Object({ topic: Type.String(), since: Type.String({ format: 'date-time' }) })),
        }),
      },
    },
    ({ credential: { tenantId }, params, query: { limit = 20, cursor } }) =>
      store.scoped(tenantId, async (db) => {
        const after = parseCursor(cursor, TOPIC_CURSOR);
        const userId = await requireUserId(db, { tenantId, externalId: params.userId });
        const rows = await listTopicsOfUser(db, { tenantId, userId, after, limit: limit + 1 });
        return toPage(
          rows,
          limit,
          (row) => row.topic,
          (row) => ({ topic: row.topic, since: row.created_at.toISOString() }),
        );
      }),
  );
}
