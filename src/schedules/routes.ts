import { Type } from 'typebox';
import {
  type Credential,
  Exact,
  OneOf,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  Slug,
  type Static,
  toPage,
} from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import type { Templates } from '../templates/index.ts';
import { type Change, changeSchedule } from './changes.ts';
import { checkBody, declareSchedule, loadGroups } from './declare.ts';
import { registerOccurrenceRoutes } from './occurrence-routes.ts';
import { type Upcoming, upcoming } from './plan.ts';
import { ScheduleBody, STATES } from './schedule.ts';
import { SCHEDULES_TOPIC } from './schedule-loop.ts';
import {
  deleteSchedule,
  listSchedules,
  type ScheduleKey,
  type ScheduleRow,
  selectSchedule,
} from './store.ts';

export interface ScheduleRouteOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  wake: Pick<Wake, 'signal'>;
  templates: Pick<Templates, 'refusal'>;
}

const MAX_NEXT = 50;
const ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const SchedulePath = Type.Object({ id: Slug('The schedule') });
const Time = Type.Union([Type.String(), Type.Null()]);
const Next = Type.Object({
  local: Type.String({ description: 'Wall time; with `#2` the second of two alike' }),
  at: Type.String(),
  lastAt: Type.Optional(Type.String({ description: 'With localTime: when it comes for the last users' })),
  skipped: Type.Boolean(),
});
const { enabled: _, ...told } = ScheduleBody.properties;
const View = Type.Object({
  id: Type.String(),
  state: OneOf(STATES),
  problem: Type.Optional(Type.String()),
  ...told,
  nextAt: Time,
  lastFiredAt: Time,
  createdAt: Type.String(),
  updatedAt: Type.String(),
  next: Type.Optional(Type.Array(Next)),
});

const about = (summary: string, description?: string) => ({ tags: ['Schedules'], summary, description });
const read = { scope: 'notifications:read' } as const;
const write = { scope: 'notifications:write' } as const;

const CHANGES: Record<Change, [summary: string, description?: string]> = {
  pause: ['Pause a schedule', 'Nothing fires until it is resumed.'],
  resume: ['Resume a schedule', 'Occurrences that came meanwhile are not made up for.'],
  cancel: ['End a schedule', 'What it sent already goes its way. PUT starts it anew.'],
  skip: ['Leave out the next occurrence', 'In local time: for everybody who has not got it yet.'],
};

/** What is sent later: once, or again and again. */
export function registerScheduleRoutes(app: Server, options: ScheduleRouteOptions): void {
  addPut(app, options);
  addViews(app, options);
  addDelete(app, options);
  registerOccurrenceRoutes(app, options);
  for (const change of Object.keys(CHANGES) as Change[]) addChange(app, options, change);
}

function addPut(app: Server, { store, clock, wake, templates }: ScheduleRouteOptions): void {
  const schema = {
    ...about(
      'Make or change a schedule',
      'Saying the same again changes nothing. While the times stay the same it goes on from where it is.',
    ),
    params: SchedulePath,
    body: ScheduleBody,
    response: responses({ 200: View, 201: View }),
  };
  app.put('/v1/schedules/:id', { config: write, schema }, async ({ credential, params, body }, reply) => {
    const now = clock.now();
    const key = keyOf(credential, params.id);
    await checkBody(templates, { body, tenantId: key.tenantId, now });
    const { row, created } = await store.scoped(key.tenantId, (db) =>
      declareSchedule(db, { key, body, now }),
    );
    wake.signal(SCHEDULES_TOPIC);
    return reply.code(created ? 201 : 200).send(render(row));
  });
}

function addViews(app: Server, { store, clock }: ScheduleRouteOptions): void {
  const list = {
    ...about('List schedules'),
    querystring: Exact(PageQuery),
    response: responses({ 200: Page(View) }),
  };
  app.get('/v1/schedules', { config: read, schema: list }, async ({ credential, query }) => {
    const { tenantId, live } = credential;
    const limit = query.limit ?? 20;
    const after = parseCursor(query.cursor, ID_PATTERN);
    const rows = await store.scoped(tenantId, (db) =>
      listSchedules(db, { tenantId, live, after, limit: limit + 1 }),
    );
    return toPage(rows, limit, (row) => row.id, render);
  });
  const one = {
    ...about('A schedule and its next occurrences', 'Of one that is paused: those that would come.'),
    params: SchedulePath,
    querystring: Exact({ next: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_NEXT, default: 10 })) }),
    response: responses({ 200: View }),
  };
  app.get('/v1/schedules/:id', { config: read, schema: one }, ({ credential, params, query }) =>
    store.scoped(credential.tenantId, async (db) => {
      const row = await selectSchedule(db, keyOf(credential, params.id));
      if (!row) throw new Problem('schedule.not_found');
      if (row.state !== 'active' && row.state !== 'paused') return { ...render(row), next: [] };
      const groups = await loadGroups(db, row.tenant_id, row.definition);
      const next = upcoming(row, groups, { after: clock.now(), count: query.next ?? 10 });
      return { ...render(row), next: next.map((each) => renderNext(each, row)) };
    }),
  );
}

function addDelete(app: Server, { store }: ScheduleRouteOptions): void {
  const schema = {
    ...about('Delete a schedule', 'What it sent already goes its way.'),
    params: SchedulePath,
    response: responses({ 204: Type.Null() }),
  };
  app.delete('/v1/schedules/:id', { config: write, schema }, async ({ credential, params }, reply) => {
    const key = keyOf(credential, params.id);
    if (!(await store.scoped(key.tenantId, (db) => deleteSchedule(db, key))))
      throw new Problem('schedule.not_found');
    return reply.code(204).send(null);
  });
}

function addChange(app: Server, { store, clock, wake }: ScheduleRouteOptions, change: Change): void {
  const schema = {
    ...about(...CHANGES[change]),
    params: SchedulePath,
    response: responses({ 200: View }),
  };
  app.post(`/v1/schedules/:id/${change}`, { config: write, schema }, async ({ credential, params }) => {
    const key = keyOf(credential, params.id);
    const row = await store.scoped(key.tenantId, (db) =>
      changeSchedule(db, change, { key, now: clock.now() }),
    );
    wake.signal(SCHEDULES_TOPIC);
    return render(row);
  });
}

function keyOf({ tenantId, live }: Credential, id: string): ScheduleKey {
  return { tenantId, live, id };
}

function render(row: ScheduleRow): Static<typeof View> {
  return {
    id: row.id,
    state: row.state,
    problem: row.problem ?? undefined,
    ...row.definition,
    nextAt: row.next_at?.toISOString() ?? null,
    lastFiredAt: row.fired_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function renderNext(
  { local, at, lastAt, isSkipped }: Upcoming,
  { definition }: ScheduleRow,
): Static<typeof Next> {
  return {
    local,
    at: new Date(at).toISOString(),
    lastAt: definition.localTime ? new Date(lastAt).toISOString() : undefined,
    skipped: isSkipped,
  };
}
