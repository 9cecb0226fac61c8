import { type Static, Type } from 'typebox';
import { Exact, invalidField, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Queryable, Store } from '../store/index.ts';
import { parseTimezone } from '../users/index.ts';
import { ALL_USERS, quotaRule, segmentRule } from './cap.ts';
import { loadTaken } from './cap-store.ts';
import { windowOf } from './cap-window.ts';
import { deleteQuotas, type Quotas, saveQuotas, selectQuotas } from './quota-store.ts';
import type { Rules } from './rule-book.ts';

export interface QuotaRouteOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  rules: Pick<Rules, 'forget'>;
}

const MAX_PER_DAY = 1_000_000_000;
const MAX_CATEGORIES = 100;
const MAX_SEGMENTS = 20;
const PerDay = Type.Record(
  Type.String({ pattern: '^(\\*|[a-z0-9][a-z0-9_-]{0,63})$' }),
  Type.Integer({ minimum: 1, maximum: MAX_PER_DAY }),
  {
    additionalProperties: false,
    maxProperties: MAX_CATEGORIES,
    description: 'Messages to all users together, by category; `*` is all categories together',
  },
);
const Segments = Type.Record(
  Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' }),
  Type.Integer({ minimum: 1, maximum: MAX_PER_DAY }),
  {
    additionalProperties: false,
    maxProperties: MAX_SEGMENTS,
    description: 'Messages to all users of a segment together, by segment, whatever the category',
  },
);
const Body = Exact({
  perDay: Type.Optional(PerDay),
  segments: Type.Optional(Segments),
  timezone: Type.Optional(
    Type.String({ maxLength: 64, description: 'IANA time zone in which the days are; UTC when absent' }),
  ),
});
const Answer = Type.Object({
  perDay: Type.Record(Type.String(), Type.Integer()),
  segments: Type.Record(Type.String(), Type.Integer()),
  timezone: Type.Union([Type.String(), Type.Null()]),
});

const Today = Type.Object(
  {
    until: Type.String({ format: 'date-time' }),
    used: Type.Record(Type.String(), Type.Integer()),
    usedBySegment: Type.Record(Type.String(), Type.Integer()),
  },
  { description: 'What is used up since the day began, of live or of test messages as the key is' },
);

const Usage = Type.Object({ ...Answer.properties, today: Today });

const NONE: Quotas = { perDay: {}, segments: {}, timezone: null };

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
        const [quotas = NONE] = await selectQuotas(db, [tenantId]);
        return { ...show(quotas), today: await usageOf(db, quotas, { tenantId, live, now: clock.now() }) };
      }),
  );
  const schema = {
    ...about('Set the daily quotas', 'In place of those before, in force within two seconds.'),
    body: Body,
    response: responses({ 200: Answer }),
  };
  app.put(url, { config: write, schema }, async ({ credential: { tenantId }, body }) => {
    const { perDay = {}, segments = {} } = body;
    const timezone = body.timezone === undefined ? null : parseTimezone(body.timezone);
    const quotas = { perDay, segments, timezone };
    if (Object.keys(perDay).length + Object.keys(segments).length === 0)
      throw invalidField('/perDay', 'or /segments must name a quota');
    const now = new Date(clock.now());
    await store.scoped(tenantId, (db) => saveQuotas(db, { ...quotas, tenantId, now }));
    rules.forget(tenantId);
    return quotas;
  });
  const gone = { ...about('Remove the daily quotas'), response: responses({ 204: Type.Null() }) };
  app.delete(url, { config: write, schema: gone }, async ({ credential: { tenantId } }, reply) => {
    await store.scoped(tenantId, (db) => deleteQuotas(db, tenantId));
    rules.forget(tenantId);
    return reply.code(204).send(null);
  });
}

function show({ perDay, segments, timezone }: Quotas): Static<typeof Answer> {
  return { perDay, segments, timezone };
}

/** What is taken of each quota since its day began. */
async function usageOf(
  db: Queryable,
  { perDay, segments, timezone }: Quotas,
  { tenantId, live, now }: { tenantId: string; live: boolean; now: number },
): Promise<Static<typeof Today>> {
  const today = windowOf({ per: 'day' }, timezone ?? 'UTC', now);
  const takenOf = async (names: string[], ruleOf: (name: string) => string) => {
    const places = names.map((name) => ({ tenantId, live, userId: ALL_USERS, rule: ruleOf(name), ...today }));
    const taken = await loadTaken(db, places, new Date(now));
    return Object.fromEntries(names.map((name, i) => [name, taken[i]!]));
  };
  return {
    until: new Date(today.endsAt).toISOString(),
    used: await takenOf(Object.keys(perDay), quotaRule),
    usedBySegment: await takenOf(Object.keys(segments), segmentRule),
  };
}
