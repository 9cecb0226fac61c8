import { Type } from 'typebox';
import { Exact, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { parseTimezone } from '../users/index.ts';
import { ALL_USERS, quotaRule } from './cap.ts';
import { loadTaken } from './cap-store.ts';
import { windowOf } from './cap-window.ts';
import { deleteQuotas, saveQuotas, selectQuotas } from './quota-store.ts';
import type { Rules } from './rule-book.ts';

export interface QuotaRouteOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  rules: Pick<Rules, 'forget'>;
}

const MAX_PER_DAY = 1_000_000_000;
const MAX_CATEGORIES = 100;
const PerDay = Type.Record(
  Type.String({ pattern: '^(\\*|[a-z0-9][a-z0-9_-]{0,63})$' }),
  Type.Integer({ minimum: 1, maximum: MAX_PER_DAY }),
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: MAX_CATEGORIES,
    description: 'Messages to all users together, by category; `*` is all categories together',
  },
);
const Body = Exact({
  perDay: PerDay,
  timezone: Type.Optional(
    Type.String({ maxLength: 64, description: 'IANA time zone in which the days are; UTC when absent' }),
  ),
});
const Answer = Type.Object({
  perDay: Type.Record(Type.String(), Type.Integer()),
  timezone: Type.Union([Type.String(), Type.Null()]),
});

const Today = Type.Object(
  {
    until: Type.String({ format: 'date-time' }),
    used: Type.Record(Type.String(), Type.Integer()),
  },
  { description: 'What is used up since the day began, of live or of test messages as the key is' },
);

const Usage = Type.Object({ ...Answer.properties, today: Today });

const about = (summary: string, description?: string) => ({ tags: ['Quotas'], summary, description });

/** How much a tenant sends in a day at most, whoever the users are. */
export function registerQuotaRoutes(app: Server, { store, clock, rules }: QuotaRouteOptions): void {
  const url = '/v1/quotas';
  const read = { scope: 'categories:read' } as const;
  const write = { scope: 'categories:write' } as const;
  app.get(
    url,
    {
      config: read,
      schema: { ...about('Daily quotas and what is used of them'), response: responses({ 200: Usage }) },
    },
    ({ credential: { tenantId, live } }) =>
      store.scoped(tenantId, async (db) => {
        const [row] = await selectQuotas(db, [tenantId]);
        const now = clock.now();
        const today = windowOf({ per: 'day' }, row?.timezone ?? 'UTC', now);
        const names = Object.keys(row?.perDay ?? {});
        const places = names.map((what) => ({
          tenantId,
          live,
          userId: ALL_USERS,
          rule: quotaRule(what),
          ...today,
        }));
        const taken = await loadTaken(db, places, new Date(now));
        const used = Object.fromEntries(names.map((what, i) => [what, taken[i]!]));
        const until = new Date(today.endsAt).toISOString();
        return { perDay: row?.perDay ?? {}, timezone: row?.timezone ?? null, today: { until, used } };
      }),
  );
  const schema = {
    ...about('Set the daily quotas', 'In place of those before, in force within two seconds.'),
    body: Body,
    response: responses({ 200: Answer }),
  };
  app.put(url, { config: write, schema }, async ({ credential: { tenantId }, body }) => {
    const { perDay } = body;
    const timezone = body.timezone === undefined ? null : parseTimezone(body.timezone);
    const now = new Date(clock.now());
    await store.scoped(tenantId, (db) => saveQuotas(db, { tenantId, perDay, timezone, now }));
    rules.forget(tenantId);
    return { perDay, timezone };
  });
  const gone = { ...about('Remove the daily quotas'), response: responses({ 204: Type.Null() }) };
  app.delete(url, { config: write, schema: gone }, async ({ credential: { tenantId } }, reply) => {
    await store.scoped(tenantId, (db) => deleteQuotas(db, tenantId));
    rules.forget(tenantId);
    return reply.code(204).send(null);
  });
}
