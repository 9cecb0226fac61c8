import { type Static, Type } from 'typebox';
import { type Credential, Exact, OneOf, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { CHANNELS } from '../providers/index.ts';
import type { Queryable, Store } from '../store/index.ts';
import { requireUserId, UserPath } from '../users/index.ts';
import { ALL, CHOICES } from './preference.ts';
import { type PreferenceChange, savePreferences, selectPreferences } from './preference-store.ts';

export interface PreferenceRouteOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
}

const MAX_CHANGES = 100;
/** Who said so: the tenant's server, or the user in the tenant's app. */
const sourceOf = ({ user }: Credential) => (user ? 'app' : 'api');
const AChannel = OneOf([...CHANNELS, ALL], { description: '`*` is all channels' });
const ACategory = Type.String({
  pattern: '^([a-z0-9][a-z0-9_-]{0,63}|\\*)$',
  description: 'Id of a category; `*` is all categories that may be refused',
});
const Body = Exact({
  preferences: Type.Array(
    Exact({
      category: ACategory,
      channel: AChannel,
      choice: Type.Unsafe<(typeof CHOICES)[number] | null>({
        enum: [...CHOICES, null],
        description:
          '`in`, `out`, `pending` (a yes that is not confirmed), or null to take back what was said',
      }),
    }),
    { minItems: 1, maxItems: MAX_CHANGES },
  ),
});
const Answer = Type.Object({
  preferences: Type.Array(
    Type.Object({
      category: Type.String(),
      channel: Type.String(),
      choice: OneOf(CHOICES),
      source: Type.String({
        description:
          'Who said so: `api`, `app` (a token of the user), or the page or link that the user used',
      }),
      updatedAt: Type.String({ format: 'date-time' }),
    }),
  ),
});

const about = (summary: string, description?: string) => ({ tags: ['Preferences'], summary, description });

/** What users want and what not, by category and channel. */
export function registerPreferenceRoutes(app: Server, { store, clock }: PreferenceRouteOptions): void {
  const url = '/v1/users/:userId/preferences';
  const params = UserPath;
  app.get(
    url,
    {
      config: { scope: 'users:read', userScope: 'preferences' },
      schema: { ...about('What a user wants'), params, response: responses({ 200: Answer }) },
    },
    ({ credential: { tenantId }, params: { userId } }) =>
      store.scoped(tenantId, async (db) =>
        show(db, { tenantId, id: await requireUserId(db, { tenantId, externalId: userId }) }),
      ),
  );
  app.patch(
    url,
    {
      config: { scope: 'users:write', userScope: 'preferences' },
      schema: {
        ...about(
          'Change what a user wants',
          'What is not named stays as it is. In force for the next routing.',
        ),
        params,
        body: Body,
        response: responses({ 200: Answer }),
      },
    },
    ({ credential, params: { userId }, body }) =>
      store.scoped(credential.tenantId, async (db) => {
        const { tenantId } = credential;
        const user = { tenantId, id: await requireUserId(db, { tenantId, externalId: userId }) };
        const now = new Date(clock.now());
        await savePreferences(db, user, {
          changes: lastOfEach(body.preferences),
          source: sourceOf(credential),
          now,
        });
        return show(db, user);
      }),
  );
}

/** Of what is said twice in one request the last counts. */
function lastOfEach(changes: PreferenceChange[]): PreferenceChange[] {
  return [...new Map(changes.map((change) => [`${change.category} ${change.channel}`, change])).values()];
}

async function show(db: Queryable, user: { tenantId: string; id: string }): Promise<Static<typeof Answer>> {
  const rows = await selectPreferences(db, [user]);
  return {
    preferences: rows.map(({ category, channel, choice, source, updatedAt }) => ({
      category,
      channel,
      choice,
      source,
      updatedAt: updatedAt.toISOString(),
    })),
  };
}
