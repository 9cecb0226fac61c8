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
import type { Store } from '../store/index.ts';
import { listOccurrences, type OccurrenceRow, selectSchedule } from './store.ts';

const CURSOR = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(#2)? [\w/+-]{0,64}$/;
const Occurrence = Type.Object({
  local: Type.String(),
  zone: Type.Union([Type.String(), Type.Null()], { description: 'Of the users, with localTime' }),
  plannedAt: Type.String(),
  firedAt: Type.String(),
  outcome: OneOf(['fired', 'skipped']),
  notifications: Type.Integer({ description: 'Users for whom it fired' }),
  notificationId: Type.Optional(Type.String()),
});

/** What fired of a schedule. */
export function registerOccurrenceRoutes(app: Server, { store }: { store: Pick<Store, 'scoped'> }): void {
  const schema = {
    tags: ['Schedules'],
    summary: 'Occurrences that fired or were left out, the latest first',
    description: 'Kept for 90 days.',
    params: Type.Object({ id: Slug('The schedule') }),
    querystring: Exact(PageQuery),
    response: responses({ 200: Page(Occurrence) }),
  };
  const config = { scope: 'notifications:read' } as const;
  app.get('/v1/schedules/:id/occurrences', { config, schema }, async ({ credential, params, query }) => {
    const { tenantId, live } = credential;
    const limit = query.limit ?? 20;
    const cursor = parseCursor(query.cursor, CURSOR);
    const [local, zone] = cursor?.split(' ') ?? [];
    const before: [string, string] | null = cursor === null ? null : [local!, zone!];
    const rows = await store.scoped(tenantId, async (db) => {
      const schedule = await selectSchedule(db, { tenantId, live, id: params.id });
      if (!schedule) throw new Problem('schedule.not_found');
      return listOccurrences(db, schedule, { before, limit: limit + 1 });
    });
    return toPage(rows, limit, (row) => `${row.local_time} ${row.zone}`, render);
  });
}

function render(row: OccurrenceRow): Static<typeof Occurrence> {
  return {
    local: row.local_time,
    zone: row.zone === '' ? null : row.zone,
    plannedAt: row.planned_at.toISOString(),
    firedAt: row.fired_at.toISOString(),
    outcome: row.outcome,
    notifications: row.notifications,
    notificationId: row.notification_id ?? undefined,
  };
}
