import { PRIORITY_NAMES } from '../ledger/index.ts';
import type { Priority } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';

/** Accepted notifications of one priority that wait to be routed, in the whole installation. */
export interface RoutingBacklog {
  priority: Priority;
  /** Those scheduled for later included; counted up to the cap. */
  depth: number;
  /** Since when the oldest is due (ms since the epoch); null when none is. */
  dueSince: number | null;
}

const MAX_TENANTS = 500;

/** Bounded like the queue's backlog: one index probe a tenant, at most `cap` index entries a priority. */
export async function loadRoutingBacklog(db: Queryable, now: Date, cap: number): Promise<RoutingBacklog[]> {
  const { rows } = await db.query({
    name: 'routing_backlog',
    text: `
select p.priority, counted.depth, oldest.due_at
from unnest(array[0, 1, 2]::smallint[]) as p (priority)
cross join lateral (
  select count(*)::int as depth from (
    select from unrouted where priority = p.priority limit $2) waiting
) counted
cross join lateral (
  with recursive tenants as (
    (select tenant_id, due_at, 1 as n from unrouted
      where priority = p.priority order by tenant_id, due_at limit 1)
    union all
    select next.tenant_id, next.due_at, tenants.n + 1 from tenants cross join lateral (
      select tenant_id, due_at from unrouted
        where priority = p.priority and tenant_id > tenants.tenant_id
        order by tenant_id, due_at limit 1
    ) next where tenants.n < ${MAX_TENANTS}
  )
  select min(due_at) as due_at from tenants where due_at <= $1
) oldest
order by p.priority`,
    values: [now, cap],
  });
  return rows.map((row) => ({
    priority: PRIORITY_NAMES[row.priority as 0 | 1 | 2],
    depth: row.depth,
    dueSince: row.due_at?.getTime() ?? null,
  }));
}
