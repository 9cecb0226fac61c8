import { Type } from 'typebox';
import { responses, type Server } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import { requireUserId, UserPath } from '../users/index.ts';
import { listOpen, MAX_COUNTED } from './store.ts';

const MAX_DIGESTS = 100;
const Answer = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      category: Type.String(),
      key: Type.String(),
      events: Type.Integer({ description: `Up to ${MAX_COUNTED} are counted` }),
      openedAt: Type.String({ format: 'date-time' }),
      closesAt: Type.String({
        format: 'date-time',
        description: 'As things are: a sliding window may move on',
      }),
    }),
  ),
});

/** What is being collected for a user. */
export function registerDigestRoutes(app: Server, { store }: { store: Pick<Store, 'scoped'> }): void {
  const schema = {
    tags: ['Digests'],
    summary: 'What is being collected for a user',
    description: `The next to end first, at most ${MAX_DIGESTS}.`,
    params: UserPath,
    response: responses({ 200: Answer }),
  };
  app.get(
    '/v1/users/:userId/digests',
    { config: { scope: 'notifications:read' }, schema },
    ({ credential: { tenantId, live }, params: { userId } }) =>
      store.scoped(tenantId, async (db) => {
        await requireUserId(db, { tenantId, externalId: userId });
        const rows = await listOpen(db, { tenantId, live, userId, limit: MAX_DIGESTS });
        return {
          items: rows.map(({ openedAt, closesAt, ...row }) => ({
            ...row,
            openedAt: openedAt.toISOString(),
            closesAt: closesAt.toISOString(),
          })),
        };
      }),
  );
}
