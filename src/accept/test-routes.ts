import { Type } from 'typebox';
import {
  Exact,
  ExternalId,
  invalidField,
  OneOf,
  responses,
  type Server,
  Slug,
  type Static,
} from '../http/index.ts';
import { PRIORITY_CODES } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { CHANNELS } from '../providers/index.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Categories } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import { prepareTest } from '../templates/index.ts';
import { saveTestRecipient } from '../users/index.ts';
import type { GroupCommit } from './group-commit.ts';
import { buildRow, NotificationBody } from './request.ts';
import { answeredId, refuseWhenFull } from './routes.ts';

export interface TestRouteOptions {
  store: Store;
  clock: Clock;
  wake: Wake;
  categories: Pick<Categories, 'forTenant'>;
  commits: { high: GroupCommit; bulk: GroupCommit };
}

const KINDS = ['email', 'phone'] as const;
const CHANNEL_OF = { email: 'email', phone: 'sms' } as const;

const TestBody = Exact({
  userId: Type.Optional(ExternalId),
  to: Type.Optional(
    Exact(
      { kind: OneOf(KINDS), address: Type.String({ minLength: 1, maxLength: 320 }) },
      { description: 'In place of a user: an address, for which a user `test:…` is made' },
    ),
  ),
  version: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 2_147_483_647,
      description: 'A draft, too. Default: the published one, or the latest when none is',
    }),
  ),
  channels: Type.Optional(Type.Array(OneOf(CHANNELS), { minItems: 1, uniqueItems: true })),
  variables: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      maxProperties: 200,
      description: 'What is left out is filled with examples, defaults or anything of its type',
    }),
  ),
  category: NotificationBody.properties.category,
});
type TestBody = Static<typeof TestBody>;

/** Tries a template out on somebody, by the road that every notification goes. */
export function registerTestRoutes(app: Server, options: TestRouteOptions): void {
  app.post(
    '/v1/templates/:id/test',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Templates'],
        summary: 'Send a version of a template as a test',
        description:
          'An ordinary notification, but of any version, also of a draft, with `[Test]` before its subject or title. ' +
          'With a live key it is really sent.',
        params: Exact({ id: Slug('Id of the template') }),
        body: TestBody,
        response: responses({
          202: Type.Object({
            id: Type.String({ format: 'uuid' }),
            version: Type.Integer(),
            userId: Type.String(),
          }),
        }),
      },
    },
    async ({ credential: { tenantId, live }, params: { id }, body }, reply) => {
      if (!body.userId === !body.to) throw invalidField('/userId', 'or /to is required, and not both');
      const { store, clock, categories } = options;
      const now = clock.now();
      const { version, variables } = await prepareTest(store, { tenantId, id }, body);
      const userId = body.userId ?? (await recipientOf(store, tenantId, body.to!, now));
      const own = await categories.forTenant(store.api, tenantId);
      const row = buildRow(
        notificationOf(body, { userId, template: { id, version, variables } }),
        undefined,
        {
          tenantId,
          live,
          now,
          idempotencyMs: 0,
          categories: own,
          isTest: true,
        },
      );
      const line = row.priority === PRIORITY_CODES.high ? options.commits.high : options.commits.bulk;
      const stored = answeredId(await line.add(row).catch(refuseWhenFull));
      options.wake.signal(routeTopic(row.priority));
      return reply.code(202).send({ id: stored, version, userId });
    },
  );
}

function recipientOf(
  store: Store,
  tenantId: string,
  to: NonNullable<TestBody['to']>,
  now: number,
): Promise<string> {
  return store.scoped(tenantId, (db) => saveTestRecipient(db, { tenantId, ...to }, now));
}

function notificationOf(
  { channels, to, category }: TestBody,
  named: Pick<NotificationBody, 'userId'> & {
    template: { id: string; version: number; variables: Record<string, unknown> };
  },
): NotificationBody {
  const wanted = channels ?? (to && [CHANNEL_OF[to.kind]]);
  return { ...named, ...(wanted && { channels: wanted }), ...(category && { category }) };
}
