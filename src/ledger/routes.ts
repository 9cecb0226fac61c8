import { Type } from 'typebox';
import {
  Exact,
  ExternalId,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Queryable, Store } from '../store/index.ts';
import type { DecideUnknown } from './next.ts';
import { registerProblemViews } from './problem-routes.ts';
import { IdPath, UUID_PATTERN, View } from './problem-schema.ts';
import { registerReplay } from './replay-routes.ts';
import { registerSettle } from './settle-routes.ts';
import { listNotifications, loadAttempts, loadDeliveries, loadNotification } from './store.ts';
import { renderNotification, renderSummary } from './view.ts';

export interface LedgerOptions {
  store: Store;
  clock: Clock;
  /** Told which lanes got work back. */
  wake: { signal(topic: string): void };
  /** A tenant's policy for unknown outcomes, to foretell what happens; without it views do not tell. */
  loadPolicy?(db: Queryable, tenantId: string): Promise<DecideUnknown>;
}

/** What happened: notifications with their deliveries and attempts, the lists of problems, and sending again. */
export function registerLedgerRoutes(app: Server, options: LedgerOptions): void {
  registerNotificationViews(app, options);
  registerProblemViews(app, options);
  registerReplay(app, options);
  registerSettle(app, options);
}

function registerNotificationViews(app: Server, { store, clock, loadPolicy }: LedgerOptions): void {
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
        const decideUnknown = await loadPolicy?.(db, tenantId);
        return renderNotification(notification, deliveries, attempts, { now: clock.now(), decideUnknown });
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
