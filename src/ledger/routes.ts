import { Type } from 'typebox';
import {
  Exact,
  ExternalId,
  OneOf,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { PROBLEMS } from './states.ts';
import {
  listNotifications,
  listProblems,
  loadAttempts,
  loadDeliveries,
  loadDelivery,
  loadNotification,
  replayDeliveries,
} from './store.ts';
import { renderDelivery, renderNotification, renderSummary } from './view.ts';

export interface LedgerOptions {
  store: Store;
  clock: Clock;
  /** Told which lanes got work back. */
  wake: { signal(topic: string): void };
}

const UUID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const IdPath = Type.Object({ id: Type.String({ format: 'uuid' }) });
const View = Type.Object({}, { additionalProperties: true });
// A replayed delivery whose expiry has passed would only expire again.
const REPLAY_FOR_MS = 24 * 3_600_000;
const MAX_REPLAY = 500;

/** What happened: notifications with their deliveries and attempts, the lists of problems, and sending again. */
export function registerLedgerRoutes(app: Server, options: LedgerOptions): void {
  registerNotificationViews(app, options);
  registerDeliveryViews(app, options);
  registerReplay(app, options);
}

function registerNotificationViews(app: Server, { store, clock }: LedgerOptions): void {
  app.get(
    '/v1/notifications/:id',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Notifications'],
        summary: 'What became of a notification',
        params: IdPath,
        response: responses({ 200: View }),
      },
    },
    async ({ credential: { tenantId, live }, params }) =>
      store.scoped(tenantId, async (db) => {
        const notification = await loadNotification(db, tenantId, live, params.id);
        if (!notification) throw new Problem('notification.not_found');
        const deliveries = await loadDeliveries(db, tenantId, [notification.id]);
        const attempts = await loadAttempts(
          db,
          tenantId,
          deliveries.map((delivery) => delivery.id),
        );
        return renderNotification(notification, deliveries, attempts, clock.now());
      }),
  );
  app.get(
    '/v1/notifications',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Notifications'],
        summary: 'Notifications, newest first',
        querystring: Exact({ ...PageQuery, userId: Type.Optional(ExternalId) }),
        response: responses({ 200: Page(View) }),
      },
    },
    async ({ credential: { tenantId, live }, query }) =>
      store.scoped(tenantId, async (db) => {
        const limit = query.limit ?? 20;
        const before = parseCursor(query.cursor, UUID_PATTERN);
        const rows = await listNotifications(db, {
          tenantId,
          live,
          before,
          limit: limit + 1,
          userId: query.userId,
        });
        const deliveries = await loadDeliveries(
          db,
          tenantId,
          rows.map((row) => row.id),
        );
        const byNotification = Map.groupBy(deliveries, (delivery) => delivery.notification_id);
        return toPage(
          rows,
          limit,
          (row) => row.id,
          (row) => renderSummary(row, byNotification.get(row.id) ?? [], clock.now()),
        );
      }),
  );
}

function registerDeliveryViews(app: Server, { store }: LedgerOptions): void {
  app.get(
    '/v1/deliveries',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Deliveries that ended dead or failed, or whose outcome is unknown; newest first',
        querystring: Exact({
          ...PageQuery,
          state: OneOf(PROBLEMS),
          reason: Type.Optional(Type.String({ maxLength: 100 })),
        }),
        response: responses({ 200: Page(View) }),
      },
    },
    async ({ credential: { tenantId, live }, query }) =>
      store.scoped(tenantId, async (db) => {
        const limit = query.limit ?? 20;
        const rows = await listProblems(db, {
          tenantId,
          live,
          problem: query.state,
          reason: query.reason,
          before: parseCursor(query.cursor, UUID_PATTERN),
          limit: limit + 1,
        });
        const attempts = await loadAttempts(
          db,
          tenantId,
          rows.map((row) => row.id),
        );
        const byDelivery = Map.groupBy(attempts, (attempt) => attempt.delivery_id);
        return toPage(
          rows,
          limit,
          (row) => row.id,
          (row) => renderDelivery(row, byDelivery.get(row.id) ?? []),
        );
      }),
  );
  app.get(
    '/v1/deliveries/:id',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Deliveries'],
        summary: 'A delivery with its attempts',
        params: IdPath,
        response: responses({ 200: View }),
      },
    },
    async ({ credential: { tenantId, live }, params }) =>
      store.scoped(tenantId, async (db) => {
        const delivery = await loadDelivery(db, tenantId, live, params.id);
        if (!delivery) throw new Problem('delivery.not_found');
        return renderDelivery(delivery, await loadAttempts(db, tenantId, [delivery.id]));
      }),
  );
}

function registerReplay(app: Server, options: LedgerOptions): void {
  const replay = async (tenantId: string, live: boolean, ids: string[]) => {
    const now = options.clock.now();
    const replayed = await options.store.scoped(tenantId, (db) =>
      replayDeliveries(db, tenantId, live, {
        ids,
        now: new Date(now),
        expiresAt: new Date(now + REPLAY_FOR_MS),
      }),
    );
    for (const { lane } of replayed) options.wake.signal(lane);
    return replayed.map(({ id }) => id);
  };
  app.post(
    '/v1/deliveries/:id/replay',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Send a dead or failed delivery again',
        params: IdPath,
        response: responses({ 202: Type.Object({ replayed: Type.Array(Type.String()) }) }),
      },
    },
    async ({ credential: { tenantId, live }, params }, reply) => {
      const replayed = await replay(tenantId, live, [params.id]);
      if (replayed.length === 0) {
        const delivery = await options.store.scoped(tenantId, (db) =>
          loadDelivery(db, tenantId, live, params.id),
        );
        if (!delivery) throw new Problem('delivery.not_found');
        throw new Problem(
          'delivery.not_replayable',
          `It is ${delivery.state}; only dead and failed deliveries are sent again`,
        );
      }
      return reply.code(202).send({ replayed });
    },
  );
  app.post(
    '/v1/deliveries/replay',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Deliveries'],
        summary: 'Send dead or failed deliveries again',
        body: Exact({
          ids: Type.Array(Type.String({ format: 'uuid' }), { minItems: 1, maxItems: MAX_REPLAY }),
        }),
        response: responses({ 202: Type.Object({ replayed: Type.Array(Type.String()) }) }),
      },
    },
    async ({ credential: { tenantId, live }, body }, reply) =>
      reply.code(202).send({ replayed: await replay(tenantId, live, body.ids) }),
  );
}
