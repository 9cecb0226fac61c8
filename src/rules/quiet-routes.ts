import { type TSchema, Type } from 'typebox';
import { Exact, invalidField, OneOf, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { CHANNELS } from '../providers/index.ts';
import type { Store } from '../store/index.ts';
import { parseTimezone, requireUserId, UserPath } from '../users/index.ts';
import type { QuietWindow } from './quiet-hours.ts';
import {
  deleteTenantQuiet,
  deleteUserQuiet,
  saveTenantQuiet,
  saveUserQuiet,
  selectTenantQuiet,
  selectUserQuiet,
} from './quiet-store.ts';
import type { Rules } from './rule-book.ts';

export interface QuietRouteOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  rules: Pick<Rules, 'forget'>;
}

const MAX_WINDOWS = 20;
/** Several years of holidays. */
const MAX_DATES = 400;
const WallTime = Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: 'HH:MM' });
const UserWindow = Exact({
  from: WallTime,
  to: Type.String({ ...WallTime, description: 'HH:MM; up to the next day when it is not later than `from`' }),
  days: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
      minItems: 1,
      uniqueItems: true,
      description: 'On which it begins, 1 is Monday; every day when absent',
    }),
  ),
  dates: Type.Optional(
    Type.Array(Type.String({ format: 'date' }), {
      minItems: 1,
      maxItems: MAX_DATES,
      uniqueItems: true,
      description: 'Holidays: the days of the calendar on which it begins, instead of `days`',
    }),
  ),
  channels: Type.Optional(
    Type.Array(OneOf(CHANNELS), {
      minItems: 1,
      uniqueItems: true,
      description: 'push, email, sms and chat when absent; inbox and webhooks are never held up',
    }),
  ),
});
const Window = Exact({
  ...UserWindow.properties,
  countries: Type.Optional(
    Type.Array(Type.String({ pattern: '^[A-Z]{2}$' }), {
      minItems: 1,
      uniqueItems: true,
      description:
        'Only for users whose locale names one of these countries (`de-AT`); all users when absent',
    }),
  ),
});
const listOf = <T extends TSchema>(window: T) => Type.Array(window, { minItems: 1, maxItems: MAX_WINDOWS });
const TenantBody = Exact({
  windows: listOf(Window),
  timezone: Type.Optional(
    Type.String({ maxLength: 64, description: 'IANA time zone of users who have none; UTC when absent' }),
  ),
});
const UserBody = Exact({ windows: listOf(UserWindow) });
const Answer = Type.Object({
  windows: Type.Array(Window),
  timezone: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

const about = (summary: string, description?: string) => ({ tags: ['Quiet hours'], summary, description });

/** Quiet hours of the tenant and of single users. What happens in them is said by the category. */
export function registerQuietRoutes(app: Server, options: QuietRouteOptions): void {
  addTenantRoutes(app, options);
  addUserRoutes(app, options);
}

function addTenantRoutes(app: Server, { store, clock, rules }: QuietRouteOptions): void {
  const url = '/v1/quiet-hours';
  const read = { scope: 'categories:read' } as const;
  const write = { scope: 'categories:write' } as const;
  app.get(
    url,
    { config: read, schema: { ...about('Quiet hours of all users'), response: responses({ 200: Answer }) } },
    async ({ credential: { tenantId } }) => {
      const [row] = await store.scoped(tenantId, (db) => selectTenantQuiet(db, [tenantId]));
      return { windows: row?.windows ?? [], timezone: row?.timezone ?? null };
    },
  );
  const schema = {
    ...about('Set the quiet hours of all users', 'On the clock of each user, in force within two seconds.'),
    body: TenantBody,
    response: responses({ 200: Answer }),
  };
  app.put(url, { config: write, schema }, async ({ credential: { tenantId }, body }) => {
    const { windows } = body;
    checkDays(windows);
    const timezone = body.timezone === undefined ? null : parseTimezone(body.timezone);
    const now = new Date(clock.now());
    await store.scoped(tenantId, (db) => saveTenantQuiet(db, { tenantId, windows, timezone, now }));
    rules.forget(tenantId);
    return { windows, timezone };
  });
  const gone = { ...about('Remove the quiet hours of all users'), response: responses({ 204: Type.Null() }) };
  app.delete(url, { config: write, schema: gone }, async ({ credential: { tenantId } }, reply) => {
    await store.scoped(tenantId, (db) => deleteTenantQuiet(db, tenantId));
    rules.forget(tenantId);
    return reply.code(204).send(null);
  });
}

function addUserRoutes(app: Server, { store, clock }: QuietRouteOptions): void {
  const url = '/v1/users/:userId/quiet-hours';
  const read = { scope: 'users:read', userScope: 'preferences' } as const;
  const write = { scope: 'users:write', userScope: 'preferences' } as const;
  const params = UserPath;
  app.get(
    url,
    {
      config: read,
      schema: { ...about("A user's own quiet hours"), params, response: responses({ 200: Answer }) },
    },
    ({ credential: { tenantId }, params: { userId } }) =>
      store.scoped(tenantId, async (db) => {
        const id = await requireUserId(db, { tenantId, externalId: userId });
        const [row] = await selectUserQuiet(db, [{ tenantId, id }]);
        return { windows: row?.windows ?? [] };
      }),
  );
  const schema = {
    ...about("Set a user's own quiet hours", 'On top of those of all users, and on the same clock.'),
    params,
    body: UserBody,
    response: responses({ 200: Answer }),
  };
  app.put(
    url,
    { config: write, schema },
    ({ credential: { tenantId }, params: { userId }, body: { windows } }) =>
      store.scoped(tenantId, async (db) => {
        checkDays(windows);
        const id = await requireUserId(db, { tenantId, externalId: userId });
        await saveUserQuiet(db, { tenantId, id, windows, now: new Date(clock.now()) });
        return { windows };
      }),
  );
  const gone = {
    ...about("Remove a user's own quiet hours"),
    params,
    response: responses({ 204: Type.Null() }),
  };
  app.delete(
    url,
    { config: write, schema: gone },
    async ({ credential: { tenantId }, params: { userId } }, reply) => {
      await store.scoped(tenantId, async (db) =>
        deleteUserQuiet(db, { tenantId, id: await requireUserId(db, { tenantId, externalId: userId }) }),
      );
      return reply.code(204).send(null);
    },
  );
}

function checkDays(windows: readonly QuietWindow[]): void {
  const i = windows.findIndex(({ days, dates }) => days && dates);
  if (i >= 0) throw invalidField(`/windows/${i}/dates`, 'must not be given together with `days`');
}
