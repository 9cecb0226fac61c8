import { Type } from 'typebox';
import { OneOf, Problem, responses, type Server } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import { listVisits, type VisitRow } from './visit-store.ts';

const Time = Type.String({ format: 'date-time' });
const Visits = Type.Object({
  deliveryId: Type.String({ format: 'uuid' }),
  channel: Type.String(),
  kind: OneOf(['opened', 'clicked', 'shown', 'dismissed']),
  url: Type.Optional(Type.String({ description: 'Of a link' })),
  people: Type.Integer(),
  proxies: Type.Integer({
    description: 'Fetched by the servers of a mail program, whether or not anybody looked',
  }),
  machines: Type.Integer({ description: 'Scanners, previews and the like' }),
  why: Type.Optional(Type.String({ description: 'By what the last one that was no person was told' })),
  firstAt: Time,
  lastAt: Time,
});

/** `GET /v1/notifications/{id}/visits`: what was opened and clicked, link by link. */
export function registerVisitsView(app: Server, { store }: { store: Pick<Store, 'scoped'> }): void {
  app.get(
    '/v1/notifications/:id/visits',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Notifications'],
        summary: 'What of a notification was opened and clicked, link by link',
        description:
          'As far as it is tracked by Bellhop itself; only what people did counts as opened or clicked.',
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
        response: responses({ 200: Type.Object({ items: Type.Array(Visits) }) }),
      },
    },
    async ({ credential: { tenantId, live }, params: { id } }) => {
      const rows = await store.scoped(tenantId, (db) => listVisits(db, { tenantId, live, id }));
      if (!rows) throw new Problem('notification.not_found');
      return { items: rows.map(render) };
    },
  );
}

function render({
  deliveryId,
  channel,
  kind,
  url,
  people,
  proxies,
  machines,
  why,
  firstAt,
  lastAt,
}: VisitRow) {
  return {
    deliveryId,
    channel,
    kind,
    url: url ?? undefined,
    people,
    proxies,
    machines,
    why: why ?? undefined,
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
  };
}
