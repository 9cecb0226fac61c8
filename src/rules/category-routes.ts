import { type Static, Type } from 'typebox';
import { Exact, invalidField, OneOf, Problem, responses, type Server, Slug } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { CHANNELS, type Channel, PRIORITIES } from '../providers/index.ts';
import type { Store } from '../store/index.ts';
import { checkCaps, MAX_CAPS, PERIODS } from './cap.ts';
import type { Categories } from './categories.ts';
import { categoriesFrom } from './categories.ts';
import { type Category, categoryFrom, KINDS, QUIET_POLICIES, UNKNOWN_POLICIES } from './category.ts';
import { deleteCategory, saveCategory, selectCategories } from './category-store.ts';
import { checkRule, DigestRule } from './digest.ts';

export interface CategoryRouteOptions {
  store: Store;
  clock: Clock;
  categories: Pick<Categories, 'forget'>;
}

const YEAR_SECONDS = 366 * 24 * 3_600;
function eachChannel<T>(choose: (channel: Channel) => T): Record<Channel, T> {
  return Object.fromEntries(CHANNELS.map((channel) => [channel, choose(channel)])) as Record<Channel, T>;
}

const CategoryPath = Type.Object({ id: Slug('The category') });

const MAX_LIMIT = 10_000;
const Cap = Exact({
  limit: Type.Integer({ minimum: 1, maximum: MAX_LIMIT, description: 'So many messages to one user' }),
  per: OneOf(PERIODS, { description: 'Of the calendar and the clock of the user; weeks begin on Monday' }),
  sliding: Type.Optional(
    Type.Boolean({ description: 'The last hour, 24 hours, 7 or 30 days instead; limit at most 1000' }),
  ),
  channel: Type.Optional(OneOf(CHANNELS, { description: 'Without it all channels count together' })),
});

const Translations = Type.Record(
  Type.String({ pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' }),
  Exact({
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    description: Type.Optional(Type.String({ maxLength: 500 })),
  }),
  {
    additionalProperties: false,
    maxProperties: 50,
    description: 'Name and description in other languages, by locale (`de`, `pt-BR`)',
  },
);

const CategoryBody = Exact({
  kind: Type.Optional(
    OneOf(KINDS, { description: 'What is not said follows the kind; default: transactional' }),
  ),
  name: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: 'Shown on the preference page' }),
  ),
  description: Type.Optional(Type.String({ maxLength: 500 })),
  translations: Type.Optional(Translations),
  priority: Type.Optional(OneOf(PRIORITIES, { description: 'When a notification says none' })),
  channels: Type.Optional(
    Exact(
      eachChannel(() => Type.Optional(OneOf(['on', 'off']))),
      {
        description: 'Whether it goes out on a channel to users who said nothing about it; on where absent',
      },
    ),
  ),
  optOut: Type.Optional(Type.Boolean({ description: 'Whether users may say no' })),
  doubleOptIn: Type.Optional(Type.Boolean({ description: 'Only to users who said yes, and confirmed it' })),
  quietHours: Type.Optional(OneOf(QUIET_POLICIES, { description: 'What happens within quiet hours' })),
  urgentPasses: Type.Optional(
    Type.Boolean({ description: 'Whether high priority goes out within quiet hours all the same' }),
  ),
  caps: Type.Optional(
    Type.Array(Cap, { maxItems: MAX_CAPS, description: 'How often a user gets it at most' }),
  ),
  digest: Type.Optional(DigestRule),
  tracking: Type.Optional(
    Type.Boolean({
      description:
        'Whether opens and clicks are tracked; default: as `/v1/tracking-settings` says. Security never is',
    }),
  ),
  unknown: Type.Optional(
    OneOf(UNKNOWN_POLICIES, { description: 'When nobody can tell what became of an attempt' }),
  ),
  evidenceSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 86_400,
      description: 'How long a receipt may settle it before that',
    }),
  ),
  expiresAfterSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: YEAR_SECONDS, description: 'When a notification names no expiry' }),
  ),
});

const CategoryAnswer = Type.Object({
  id: Type.String(),
  kind: OneOf(KINDS),
  name: Type.String(),
  description: Type.Union([Type.String(), Type.Null()]),
  translations: Translations,
  priority: OneOf(PRIORITIES),
  channels: Type.Object(eachChannel(() => OneOf(['on', 'off']))),
  optOut: Type.Boolean(),
  doubleOptIn: Type.Boolean(),
  quietHours: OneOf(QUIET_POLICIES),
  urgentPasses: Type.Boolean(),
  caps: Type.Array(Cap),
  digest: Type.Optional(DigestRule),
  tracking: Type.Optional(Type.Boolean({ description: 'Absent: as the settings of the tenant say' })),
  unknown: OneOf(UNKNOWN_POLICIES),
  evidenceSeconds: Type.Number(),
  expiresAfterSeconds: Type.Number(),
});

const about = (summary: string, description?: string) => ({ tags: ['Categories'], summary, description });
const read = { scope: 'categories:read' } as const;
const write = { scope: 'categories:write' } as const;

export function registerCategoryRoutes(app: Server, options: CategoryRouteOptions): void {
  addList(app, options);
  addPut(app, options);
  addDelete(app, options);
}

function addList(app: Server, { store }: CategoryRouteOptions): void {
  const schema = {
    ...about('List categories', 'Those that are built in and those of the tenant, as they are in force.'),
    response: responses({ 200: Type.Object({ items: Type.Array(CategoryAnswer) }) }),
  };
  app.get('/v1/categories', { config: read, schema }, async ({ credential: { tenantId } }) => {
    const rows = await store.scoped(tenantId, (db) => selectCategories(db, [tenantId]));
    return { items: categoriesFrom(rows).all.map(show) };
  });
}

function addPut(app: Server, { store, clock, categories }: CategoryRouteOptions): void {
  const schema = {
    ...about(
      'Declare a category',
      'In force in all processes within two seconds. What the body leaves out follows its kind.',
    ),
    params: CategoryPath,
    body: CategoryBody,
    response: responses({ 200: CategoryAnswer, 201: CategoryAnswer }),
  };
  app.put(
    '/v1/categories/:id',
    { config: write, schema },
    async ({ credential, params: { id }, body }, reply) => {
      const { tenantId } = credential;
      checkCaps(body.caps ?? []);
      if (body.digest) checkRule(body.digest, '/digest');
      if (body.tracking && categoryFrom(id, body).kind === 'security')
        throw invalidField('/tracking', 'must not be true: what is of the kind security is never tracked');
      const now = new Date(clock.now());
      const created = await store.scoped(tenantId, (db) =>
        saveCategory(db, { tenantId, id, definition: body, now }),
      );
      categories.forget(tenantId);
      return reply.code(created ? 201 : 200).send(show(categoriesFrom([{ id, definition: body }]).of(id)));
    },
  );
}

function addDelete(app: Server, { store, categories }: CategoryRouteOptions): void {
  const schema = {
    ...about('Remove a declaration', 'The category is then as it is built in, or as `transactional`.'),
    params: CategoryPath,
    response: responses({ 204: Type.Null() }),
  };
  app.delete(
    '/v1/categories/:id',
    { config: write, schema },
    async ({ credential, params: { id } }, reply) => {
      const { tenantId } = credential;
      if (!(await store.scoped(tenantId, (db) => deleteCategory(db, tenantId, id))))
        throw new Problem('category.not_found');
      categories.forget(tenantId);
      return reply.code(204).send(null);
    },
  );
}

function show({
  isOn,
  heedsUsers: _,
  caps,
  digest,
  tracking,
  evidenceMs,
  maxAgeMs,
  ...category
}: Category): Static<typeof CategoryAnswer> {
  const channels = eachChannel((channel) => (isOn(channel) ? ('on' as const) : ('off' as const)));
  return {
    ...category,
    channels,
    caps: [...caps],
    digest: digest ?? undefined,
    tracking: tracking ?? undefined,
    evidenceSeconds: evidenceMs / 1000,
    expiresAfterSeconds: maxAgeMs / 1000,
  };
}
