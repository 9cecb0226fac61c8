import { type AcceptedRow, buildRow } from '../accept/index.ts';
import type { Categories, TenantCategories } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import { loadTimezones } from '../users/index.ts';
import { type Firing, type Plan, planFiring, type UserZones } from './plan.ts';
import { usersOf } from './schedule.ts';
import { startSends } from './sending.ts';
import { claimDue, insertOccurrences, type ScheduleRow, saveProgress } from './store.ts';
import { contentOf, insertRows, MAX_ROWS, onceKey } from './told.ts';

/** What one transaction did. */
export interface Fired {
  plans: Plan[];
  /** Those that did not fire before. */
  firings: Firing[];
  rows: AcceptedRow[];
}

export interface FiringOptions {
  categories: Pick<Categories, 'forTenants'>;
  now: number;
  limit: number;
  /** Told which schedules are locked, before anything is done with them. */
  onClaimed?(schedules: ScheduleRow[]): void;
}

/**
 * Fires schedules that are due, inside the caller's transaction: their notifications, the record of their occurrences and
 * their next time are there together or not at all. The rest of what was claimed waits for the next transaction.
 */
export async function fireDue(db: Queryable, options: FiringOptions): Promise<Fired> {
  const { now, limit, categories } = options;
  const claimed = await claimDue(db, new Date(now), limit);
  options.onClaimed?.(claimed);
  if (claimed.length === 0) return { plans: [], firings: [], rows: [] };
  const zonesOf = await loadZones(db, claimed);
  const plans = takeFirst(claimed, (schedule) => planFiring(schedule, zonesOf(schedule), now));
  const planned = plans.flatMap((plan) => plan.firings);
  const own = await categories.forTenants(db, [
    ...new Set(planned.map(({ schedule }) => schedule.tenant_id)),
  ]);
  const built = planned.map((firing) => {
    const rows = rowsOf(firing, own.get(firing.schedule.tenant_id)!, now);
    return { ...firing, rows, notificationIds: rows.map(({ id }) => id) };
  });
  const firings = built.length === 0 ? [] : await insertOccurrences(db, built, new Date(now));
  const rows = firings.flatMap((firing) => firing.rows);
  const stored = await insertRows(db, rows, now);
  await startSends(db, firings, now);
  await saveProgress(
    db,
    plans.map(({ progress }) => progress),
  );
  return { plans, firings, rows: rows.filter(({ id }) => stored.has(id)) };
}

/** Plans, one after the other, until there is enough for one transaction. */
function takeFirst(claimed: ScheduleRow[], plan: (schedule: ScheduleRow) => Plan): Plan[] {
  const plans: Plan[] = [];
  let rows = 0;
  for (const schedule of claimed) {
    const next = plan(schedule);
    for (const { userIds } of next.firings) rows += userIds.length;
    if (plans.length > 0 && rows > MAX_ROWS) break;
    plans.push(next);
  }
  return plans;
}

/** The zones of users whose own time counts: one statement for all, none when nobody's does. */
async function loadZones(
  db: Queryable,
  claimed: ScheduleRow[],
): Promise<(schedule: ScheduleRow) => UserZones> {
  const wanted = claimed.flatMap(({ tenant_id: tenantId, definition }) =>
    definition?.localTime && definition.notification
      ? usersOf(definition.notification).map((externalId) => ({ tenantId, externalId }))
      : [],
  );
  const users = wanted.length === 0 ? [] : await loadTimezones(db, wanted);
  const byTenant = Map.groupBy(users, ({ tenantId }) => tenantId);
  const zones = new Map(
    [...byTenant].map(([tenantId, own]) => [
      tenantId,
      new Map(own.map(({ externalId, timezone }) => [externalId, timezone])),
    ]),
  );
  return ({ tenant_id }) => zones.get(tenant_id) ?? new Map();
}

function rowsOf(
  { schedule, occurrence, outcome, userIds }: Firing,
  categories: TenantCategories,
  now: number,
) {
  if (outcome !== 'fired') return [];
  const { tenant_id: tenantId, live, definition } = schedule;
  const content = contentOf(definition, now);
  const context = { tenantId, live, now, idempotencyMs: 0, categories };
  return userIds.map((userId): AcceptedRow => {
    const row = buildRow({ ...content, userId }, undefined, context);
    return definition.localTime
      ? { ...row, key: onceKey(['schedule', schedule.uid, occurrence.local, userId], now) }
      : row;
  });
}
