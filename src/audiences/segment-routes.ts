import { type Static, Type } from 'typebox';
import {
  Exact,
  OneOf,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  Slug,
  toPage,
} from '../http/index.ts';
import { AUDIENCES_TOPIC, type AudienceDeps } from './deps.ts';
import { parseRule } from './rule.ts';
import { findSegment, listMembers, listSegments, type SegmentRow } from './segment-store.ts';
import { countRule, declareSegment, removeSegment } from './segments.ts';

const COUNT_BUDGET_MS = 3_000;
const SLUG_CURSOR = /^[a-z0-9_-]{1,64}$/;
const UUID_CURSOR = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const Path = Exact({ id: Slug('The segment') });
const Time = Type.String({ format: 'date-time' });
const TimeOrNull = Type.Union([Time, Type.Null()]);

const RuleObject = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: true,
  description:
    '`{ all: [rules] }`, `{ any: [rules] }`, `{ not: rule }`, or a condition: `attribute` with `is`, `in`, `has`, `exists` ' +
    'or bounds (`atLeast`, `atMost`, `above`, `below`); `locale`; `timezone`; `contact`; ' +
    '`device: { platform, app, seenWithinDays }`; `preference: { category, channel, choice }`; `topic`; `segment`; ' +
    '`active`, `opened`, `clicked`: `{ withinDays }`; `createdWithinDays`. See docs/audiences.md.',
});

const SegmentBody = Exact({
  rule: RuleObject,
  refreshSeconds: Type.Optional(
    Type.Integer({
      minimum: 60,
      maximum: 7 * 86_400,
      description:
        'Between passes through all users; default: 900 when time alone changes who fits, else 86,400',
    }),
  ),
});

const SegmentAnswer = Type.Object({
  id: Type.String(),
  rule: RuleObject,
  refreshSeconds: Type.Union([Type.Integer(), Type.Null()]),
  state: OneOf(['building', 'refreshing', 'ready', 'failed'], {
    description: '`building`: the members are those of the rule before, until the new ones are complete',
  }),
  count: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Members; null until they were complete once',
  }),
  added: Type.Integer({ description: 'Since the rule was written' }),
  removed: Type.Integer({ description: 'Since the rule was written' }),
  refreshedAt: Type.Union([Time, Type.Null()], { description: 'When the last complete pass began' }),
  problem: Type.Union([Type.String(), Type.Null()]),
  createdAt: Time,
  updatedAt: TimeOrNull,
});

/** `/v1/segments`. */
export function registerSegmentRoutes(app: Server, deps: AudienceDeps): void {
  registerWrites(app, deps);
  registerReads(app, deps);
  registerCount(app, deps);
}

function registerWrites(app: Server, { store, clock, wake }: AudienceDeps): void {
  app.put(
    '/v1/segments/:id',
    {
      config: { scope: 'audiences:write' },
      schema: {
        tags: ['Segments'],
        summary: 'Create or change a segment',
        description:
          'Its members are found in the background; until a new rule is through, the old members are shown.',
        params: Path,
        body: SegmentBody,
        response: responses({ 200: SegmentAnswer, 201: SegmentAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, body }, reply) => {
      const rule = parseRule(body.rule);
      const { row, created } = await store.scoped(tenantId, (db) =>
        declareSegment(db, {
          key: { tenantId, id },
          rule,
          refreshSeconds: body.refreshSeconds ?? null,
          now: clock.now(),
        }),
      );
      wake.signal(AUDIENCES_TOPIC);
      return reply.code(created ? 201 : 200).send(renderSegment(row));
    },
  );
  app.delete(
    '/v1/segments/:id',
    {
      config: { scope: 'audiences:write' },
      schema: {
        tags: ['Segments'],
        summary: 'Delete a segment',
        params: Path,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params: { id } }, reply) => {
      await store.scoped(tenantId, (db) => removeSegment(db, { tenantId, id }));
      wake.signal(AUDIENCES_TOPIC);
      return reply.code(204).send(null);
    },
  );
}

function registerReads(app: Server, { store }: AudienceDeps): void {
  app.get(
    '/v1/segments',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Segments'],
        summary: 'List segments',
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(SegmentAnswer) }),
      },
    },
    ({ credential: { tenantId }, query: { limit = 20, cursor } }) =>
      store.scoped(tenantId, async (db) => {
        const after = parseCursor(cursor, SLUG_CURSOR);
        const rows = await listSegments(db, { tenantId, after, limit: limit + 1 });
        return toPage(rows, limit, (row) => row.id, renderSegment);
      }),
  );
  app.get(
    '/v1/segments/:id',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Segments'],
        summary: 'Get a segment with its count',
        params: Path,
        response: responses({ 200: SegmentAnswer }),
      },
    },
    ({ credential: { tenantId }, params: { id } }) =>
      store.scoped(tenantId, async (db) => renderSegment(found(await findSegment(db, { tenantId, id })))),
  );
  app.get(
    '/v1/segments/:id/members',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Segments'],
        summary: 'Members of a segment',
        description:
          'A page may have fewer entries than its limit: users who were deleted a moment ago are left out.',
        params: Path,
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(Type.Object({ userId: Type.String() })) }),
      },
    },
    ({ credential: { tenantId }, params: { id }, query: { limit = 20, cursor } }) =>
      store.scoped(tenantId, async (db) => {
        const after = parseCursor(cursor, UUID_CURSOR);
        const segment = found(await findSegment(db, { tenantId, id }));
        const rows = await listMembers(db, segment, { after, limit: limit + 1 });
        const page = toPage(
          rows,
          limit,
          (row) => row.user_id,
          (row) => row.external_id,
        );
        const items = page.items.flatMap((userId) => (userId === null ? [] : [{ userId }]));
        return { items, nextCursor: page.nextCursor };
      }),
  );
}

function registerCount(app: Server, { store, clock }: AudienceDeps): void {
  app.post(
    '/v1/segments/count',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Segments'],
        summary: 'Count who would fit a rule, without a segment',
        description: `Looks at users for at most ${COUNT_BUDGET_MS / 1000} seconds; \`atLeast\` says that there may be more.`,
        body: Exact({ rule: RuleObject }),
        response: responses({
          200: Type.Object({
            count: Type.Integer(),
            atLeast: Type.Boolean(),
            usersSeen: Type.Integer({ description: 'Of so many, the oldest ones' }),
          }),
        }),
      },
    },
    async ({ credential: { tenantId }, body }) => {
      const rule = parseRule(body.rule);
      const { count, users, isComplete } = await countRule(
        { store, clock },
        { tenantId, rule, budgetMs: COUNT_BUDGET_MS },
      );
      return { count, atLeast: !isComplete, usersSeen: users };
    },
  );
}

function found(row: SegmentRow | null): SegmentRow {
  if (!row) throw new Problem('segment.not_found');
  return row;
}

function renderSegment(row: SegmentRow): Static<typeof SegmentAnswer> {
  return {
    id: row.id,
    rule: { ...row.rule },
    refreshSeconds: row.refresh_seconds,
    state: stateOf(row),
    count: row.shown === 0 ? null : row.members,
    added: row.added,
    removed: row.removed,
    refreshedAt: row.refreshed_at?.toISOString() ?? null,
    problem: row.problem,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function stateOf({ problem, generation, shown, started_at }: SegmentRow) {
  if (problem !== null) return 'failed';
  if (generation !== shown) return 'building';
  return started_at === null ? 'ready' : 'refreshing';
}
