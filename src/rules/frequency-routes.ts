import { Type } from 'typebox';
import { Exact, invalidField, OneOf, responses, type Server, Slug } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { requireUserId, UserPath } from '../users/index.ts';
import { WallTime } from './digest.ts';
import { FREQUENCIES } from './frequency.ts';
import { saveFrequencies, selectFrequencies } from './frequency-store.ts';

export interface FrequencyRouteOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
}

const Chosen = Exact({
  frequency: OneOf(FREQUENCIES, {
    description: 'Of each event, or of all together once an hour, day or week',
  }),
  at: Type.Optional(
    Type.String({ ...WallTime, description: 'Daily or weekly: HH:MM on his clock; else 09:00' }),
  ),
  day: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 7, description: 'Weekly: on this day, 1 (else) is Monday' }),
  ),
});
const Answer = Type.Object({
  frequencies: Type.Array(
    Type.Object({
      category: Type.String(),
      ...Chosen.properties,
      source: Type.String({ description: '`page`: said by the user himself; else `api`' }),
      updatedAt: Type.String({ format: 'date-time' }),
    }),
  ),
});
const CategoryPath = Type.Object({ ...UserPath.properties, category: Slug('The category') });

/** Where a choice came from, as it is stored. */
const SOURCE = 'api';

const about = (summary: string, description?: string) => ({ tags: ['Preferences'], summary, description });

/** How often users want to hear of categories that let them choose. */
export function registerFrequencyRoutes(app: Server, options: FrequencyRouteOptions): void {
  const { store } = options;
  app.get(
    '/v1/users/:userId/frequencies',
    {
      config: { scope: 'users:read', userScope: 'preferences' },
      schema: {
        ...about('How often a user wants to hear'),
        params: UserPath,
        response: responses({ 200: Answer }),
      },
    },
    ({ credential: { tenantId }, params: { userId } }) =>
      store.scoped(tenantId, async (db) => {
        const id = await requireUserId(db, { tenantId, externalId: userId });
        const rows = await selectFrequencies(db, [{ tenantId, id }]);
        return {
          frequencies: rows.map(({ category, frequency, at, day, source, updatedAt }) => ({
            category,
            frequency,
            at: at ?? undefined,
            day: day ?? undefined,
            source,
            updatedAt: updatedAt.toISOString(),
          })),
        };
      }),
  );
  addChanges(app, options);
}

function addChanges(app: Server, { store, clock }: FrequencyRouteOptions): void {
  const url = '/v1/users/:userId/frequencies/:category';
  const write = { scope: 'users:write', userScope: 'preferences' } as const;
  const schema = {
    ...about(
      'Choose how often a user hears of a category',
      'Heeded where the category lets users choose. What is collected already comes at its time.',
    ),
    params: CategoryPath,
    body: Chosen,
    response: responses({ 200: Chosen }),
  };
  app.put(
    url,
    { config: write, schema },
    ({ credential: { tenantId }, params: { userId, category }, body }) => {
      const { frequency, at = null, day = null } = body;
      if (at !== null && frequency !== 'daily' && frequency !== 'weekly')
        throw invalidField('/at', 'belongs to daily and weekly');
      if (day !== null && frequency !== 'weekly') throw invalidField('/day', 'belongs to weekly');
      return store.scoped(tenantId, async (db) => {
        const id = await requireUserId(db, { tenantId, externalId: userId });
        const now = new Date(clock.now());
        const changes = [{ category, frequency: { frequency, at, day } }];
        await saveFrequencies(db, { tenantId, id }, { changes, source: SOURCE, now });
        return body;
      });
    },
  );
  const gone = {
    ...about('Take the choice back'),
    params: CategoryPath,
    response: responses({ 204: Type.Null() }),
  };
  app.delete(
    url,
    { config: write, schema: gone },
    async ({ credential: { tenantId }, params: { userId, category } }, reply) => {
      await store.scoped(tenantId, async (db) => {
        const id = await requireUserId(db, { tenantId, externalId: userId });
        const changes = [{ category, frequency: null }];
        await saveFrequencies(db, { tenantId, id }, { changes, source: SOURCE, now: new Date(clock.now()) });
      });
      return reply.code(204).send(null);
    },
  );
}
